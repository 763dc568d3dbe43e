import type { Behavior } from "../actor/behavior/behavior.ts";
import type { ClientPolicy } from "../actor/services/client_policy.ts";
import { ExtensionBehavior } from "../cluster/node/extension_behavior.ts";
import { checkOptions, checkValue } from "../options/check_options.ts";
import { workerCount, workerFactory, workersTable } from "../options/tables/singleton_tables.ts";
import type { AllocationStrategy } from "../sharding/coordinator/allocation.ts";
import type { DaemonOptions } from "./daemon_options.ts";

/** The kind of behaviours that `Behaviors.workers` returns. */
export const workersKind = "workers";

/** Options of `Behaviors.workers`. The same on all nodes. */
export interface WorkersOptions extends DaemonOptions {
  /** Decides which node runs which worker, at the leader. Default {@linkcode leastShards}. */
  readonly strategy?: AllocationStrategy;
  /**
   * Which clients may send to them, by the identity in their certificates. Called once for each
   * connection. `"read"`: only messages for which `reads` returns `true`. Other messages are dead letters
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
 * The result of `Behaviors.workers`: the description of numbered actors of which each lives once in the
 * whole cluster. The reference that `spawn` returns takes no messages: its workers do.
 */
export class WorkersBehavior<M> extends ExtensionBehavior<never> {
  /** The kind that the extension of singletons has registered. */
  override readonly kind: string = workersKind;
  /** How many there are, numbered from 0. */
  readonly count: number;
  /** What each incarnation of a worker begins with, by its number. */
  readonly behavior: (index: number) => Behavior<M>;
  /** All options as they were given. */
  readonly options: WorkersOptions;

  /** @internal Use `Behaviors.workers`. */
  constructor(count: number, behavior: (index: number) => Behavior<M>, options: WorkersOptions) {
    super();
    this.count = count;
    this.behavior = behavior;
    this.options = options;
  }
}

/**
 * Describes `count` actors, numbered from 0, that always run: each on one node at a time, spread evenly
 * over the nodes, and moved when nodes come and go. They start without a message, and again when they
 * have failed or stopped themselves, after 0.2 to 10 s. Each divides the work by its number.
 *
 * @param count 1 to 1 024; the same on all nodes. Another number needs another name.
 * @param behavior what each incarnation of a worker begins with.
 * @throws {OptionError}
 *
 * @example
 * ```ts
 * import { type ActorRef, Behaviors, ClusteredActorSystem } from "@casty/casty";
 *
 * type Share = { replyTo: ActorRef<string> };
 * const indexer = (index: number) =>
 *   Behaviors.receive<Share>((_context, { replyTo }) => {
 *     replyTo.tell(`documents of which the number modulo 4 is ${index}`);
 *     return Behaviors.same();
 *   });
 *
 * await using system = await ClusteredActorSystem.start({
 *   name: "example",
 *   host: "127.0.0.1",
 *   port: 0,
 * });
 * const indexers = system.spawn(Behaviors.workers(4, indexer), "indexers");
 * const share = await indexers.worker(3).ask((replyTo) => ({ replyTo }));
 * console.assert(share.endsWith("is 3"));
 * ```
 */
export function workers<M>(
  count: number,
  behavior: (index: number) => Behavior<M>,
  options: WorkersOptions = {},
): WorkersBehavior<M> {
  checkValue("count", workerCount, count);
  checkValue("behavior", workerFactory, behavior);
  checkOptions(workersTable, options);
  return new WorkersBehavior(count, behavior, options);
}
