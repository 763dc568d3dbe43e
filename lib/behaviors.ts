import { type ActorBehaviors, Behaviors as OfActors } from "./actor/behavior/behaviors.ts";
import { discoverable } from "./actor/behavior/discoverable.ts";
import { type Sharded, sharded } from "./sharding/sharded_behavior.ts";

/** Everything that a behaviour can be made of: actors, and what only a cluster can spawn. */
export interface BehaviorFactories extends ActorBehaviors {
  /** Registers each actor that has the behaviour under a service key. */
  readonly discoverable: typeof discoverable;
  /** Describes entities that live once in the cluster. */
  readonly sharded: Sharded;
}

/**
 * Makes behaviours.
 *
 * @example
 * ```ts
 * import { ActorSystem, type Behavior, Behaviors } from "@casty/casty";
 *
 * const counter = (count: number): Behavior<"up"> =>
 *   Behaviors.receive(() => counter(count + 1));
 *
 * await using system = new ActorSystem();
 * system.spawn(counter(0), "counter").tell("up");
 * ```
 */
export const Behaviors: BehaviorFactories = Object.freeze({
  ...OfActors,
  discoverable,
  sharded,
});
