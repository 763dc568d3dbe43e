/**
 * A behaviour that only a node with a certain extension can spawn, such as the result of
 * `Behaviors.sharded`: not the behaviour of one actor, but a description for the extension. `M` is
 * what the reference takes that `system.spawn` answers.
 */
export abstract class ExtensionBehavior<in M> {
  /** The name under which an extension has registered the kind. */
  abstract readonly kind: string;
  /** Carries the type; never set. */
  declare protected readonly accepted: (message: M) => void;
}
