import { Behavior, notABehavior } from "../actor/behavior/behavior.ts";
import type { ClientPolicy } from "../actor/services/client_policy.ts";
import { ExtensionBehavior } from "../cluster/node/extension_behavior.ts";
import { checkOptions } from "../options/check_options.ts";
import { singletonTable } from "../options/tables/singleton_tables.ts";
import type { AllocationStrategy } from "../sharding/coordinator/allocation.ts";
import type { DaemonOptions } from "./daemon_options.ts";

/** The kind of behaviours that `Behaviors.singleton` returns. */
export const singletonKind = "singleton";

/** Options of `Behaviors.singleton`. The same on all nodes. */
export interface SingletonOptions extends DaemonOptions {
  /**
   * Decides which node runs it, at the leader. Default: by a hash of name and address, so that different
   * ones are spread; it does not move when nodes come.
   */
  readonly strategy?: AllocationStrategy;
  /**
   * Which clients may send to it, by the identity in their certificates. Called once for each connection.
   * `"read"`: only messages for which `reads` returns `true`. Other messages are dead letters
   * (`unauthorized`), and their asks fail at once. Default: all clients.
   */
  readonly clients?: ClientPolicy<boolean | "read">;
  /**
   * Whether a message only reads, for clients with the access `"read"`. A function that throws says
   * no. Default: no message.
   */
  readonly reads?: (message: unknown) => boolean;
}

/**
 * The result of `Behaviors.singleton`: the description of an actor of which one instance lives in the
 * whole cluster.
 */
export class SingletonBehavior<M> extends ExtensionBehavior<M> {
  /** The kind that the extension of singletons has registered. */
  override readonly kind: string = singletonKind;
  /** What each of its incarnations begins with. */
  readonly behavior: Behavior<M>;
  /** All options as they were given. */
  readonly options: SingletonOptions;

  /** @internal Use `Behaviors.singleton`. */
  constructor(behavior: Behavior<M>, options: SingletonOptions) {
    super();
    this.behavior = behavior;
    this.options = options;
  }
}

/**
 * Describes an actor of which at most one instance lives in the whole cluster at any instant: it runs on
 * a node that holds a lease from a majority, and its successor starts after it has stopped, or after its
 * lease has ended. It starts without a message, and again when it has failed or stopped itself, after
 * 0.2 to 10 s. Spawn it on every node that may run it, or sends to it: `system.spawn(singleton, name)`.
 *
 * The state of an incarnation is lost with it, unless the behaviour is a durable actor.
 *
 * @param behavior what each incarnation begins with; state of its own is made in `Behaviors.setup`.
 * @throws {ActorError} code `badBehavior`.
 * @throws {OptionError}
 *
 * @example
 * ```ts
 * import { type ActorRef, Behaviors, ClusteredActorSystem } from "@casty/casty";
 *
 * type Ticket = { replyTo: ActorRef<string> };
 * const dispenser = Behaviors.setup<Ticket>((context) => {
 *   let count = 0;
 *   return Behaviors.receive((_context, { replyTo }) => {
 *     // The epoch grows whenever another node takes over: a fencing token.
 *     replyTo.tell(`${context.epoch}-${++count}`);
 *     return Behaviors.same();
 *   });
 * });
 *
 * await using system = await ClusteredActorSystem.start({
 *   name: "example",
 *   host: "127.0.0.1",
 *   port: 0,
 * });
 * const tickets = system.spawn(Behaviors.singleton(dispenser), "tickets");
 * const ticket = await tickets.ask((replyTo) => ({ replyTo }));
 * console.assert(ticket.endsWith("-1"));
 * ```
 */
export function singleton<M>(
  behavior: Behavior<M>,
  options: SingletonOptions = {},
): SingletonBehavior<M> {
  if (!(behavior instanceof Behavior)) throw notABehavior("Behaviors.singleton", behavior);
  checkOptions(singletonTable, options);
  return new SingletonBehavior(behavior, options);
}
