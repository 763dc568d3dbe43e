import { Behavior } from "../actor/behavior/behavior.ts";
import type { ClientPolicy } from "../actor/services/client_policy.ts";
import { ExtensionBehavior } from "../cluster/node/extension_behavior.ts";
import { checkOptions, checkValue } from "../options/check_options.ts";
import { code } from "../options/option.ts";
import { broadcastTable } from "../options/tables/topic_tables.ts";

/** The kind of behaviours that `Behaviors.broadcasted` returns. */
export const broadcastKind = "broadcast";

/** Options of `Behaviors.broadcasted`; the same on all nodes. */
export interface BroadcastOptions {
  /** Only nodes with this role have an instance; others only send. Default: all nodes. */
  readonly role?: string;
  /**
   * Which clients may send to the instances, by the identity in their certificates. Called once for each
   * connection. A message of another client is a dead letter (`unauthorized`). Default: all clients.
   */
  readonly clients?: ClientPolicy;
}

/** The result of `Behaviors.broadcasted`: an actor of which every node that spawns it has an instance. */
export class BroadcastBehavior<M> extends ExtensionBehavior<M> {
  /** The kind that the extension has registered. */
  override readonly kind: string = broadcastKind;
  /** The behaviour of each instance. */
  readonly behavior: Behavior<M>;
  /** All options as they were given. */
  readonly options: BroadcastOptions;

  /** @internal Use `Behaviors.broadcasted`. */
  constructor(behavior: Behavior<M>, options: BroadcastOptions = {}) {
    super();
    const isBehavior = code("a behaviour of an actor", (value) => value instanceof Behavior);
    this.behavior = checkValue("behavior", isBehavior, behavior);
    checkOptions(broadcastTable, options);
    this.options = options;
  }
}

/**
 * Describes an actor that every node has one instance of: spawn it on all nodes under the same name. A
 * message that is told to its reference goes to the instances of all members that are up.
 *
 * @throws {OptionError}
 *
 * @example
 * ```ts
 * import { type ActorRef, type Behavior, Behaviors, ClusteredActorSystem } from "@casty/casty";
 *
 * type Cache = { type: "evict"; key: string } | { type: "size"; replyTo: ActorRef<number> };
 * const cache = (keys: readonly string[]): Behavior<Cache> =>
 *   Behaviors.receive<Cache>((_context, message) => {
 *     if (message.type === "evict") return cache(keys.filter((key) => key !== message.key));
 *     message.replyTo.tell(keys.length);
 *     return Behaviors.same();
 *   });
 *
 * await using system = await ClusteredActorSystem.start({
 *   name: "example",
 *   host: "127.0.0.1",
 *   port: 0,
 * });
 * const caches = system.spawn(Behaviors.broadcasted(cache(["a", "b"])), "cache");
 * caches.tell({ type: "evict", key: "a" });
 * const { replies, missing } = await caches.ask((replyTo) => ({ type: "size", replyTo }));
 * console.assert(replies.length === 1 && replies[0]?.reply === 1 && missing.length === 0);
 * ```
 */
export function broadcasted<M>(
  behavior: Behavior<M>,
  options?: BroadcastOptions,
): BroadcastBehavior<M> {
  return new BroadcastBehavior(behavior, options);
}
