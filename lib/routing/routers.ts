import type { Behavior } from "../actor/behavior/behavior.ts";
import type { ServiceKey } from "../actor/services/service_key.ts";
import { type GroupOptions, groupRouter } from "./group_router.ts";
import { type PoolOptions, poolRouter } from "./pool_router.ts";

/** The ways to make a router. */
export interface RouterFactories {
  /**
   * Spawns `size` children of one behaviour and routes each message to one of them (Pekko's pool
   * router). A child that stops is not replaced: wrap `behavior` with `Behaviors.supervise` so that
   * it restarts instead. When the last has stopped, the router stops. Children are called
   * `routee-1`, `routee-2` and so on.
   *
   * @param size 1 to 10 000.
   * @throws {OptionError}
   * @throws {ActorError} code `badBehavior`.
   *
   * @example
   * ```ts
   * import { type ActorRef, ActorSystem, Behaviors, Routers } from "@casty/casty";
   *
   * const worker = Behaviors.receive<ActorRef<string>>((context, replyTo) => {
   *   replyTo.tell(context.self.path);
   *   return Behaviors.same();
   * });
   *
   * await using system = new ActorSystem();
   * const pool = system.spawn(Routers.pool(2, Behaviors.supervise(worker)), "pool");
   * const ask = () => system.ask(pool, (replyTo: ActorRef<string>) => replyTo);
   * console.assert(await ask() === "/pool/routee-1");
   * console.assert(await ask() === "/pool/routee-2");
   * console.assert(await ask() === "/pool/routee-1");
   * ```
   */
  pool<M>(
    size: number,
    behavior: Behavior<M>,
    options?: PoolOptions<NoInfer<M>>,
  ): Behavior<M>;
  /**
   * Routes each message to one of the actors that the receptionist lists for a key (Pekko's group
   * router). While it lists none, messages wait, in order, up to `bufferSize`; if all have gone, for
   * `bufferTime`. When the router
   * stops or restarts, messages that still wait are dead letters with the reason `stopped`.
   *
   * A message that waits here counts as delivered in the ledger, since the router has had it; when
   * the router forwards or loses it, it counts as sent again.
   *
   * @throws {OptionError}
   * @throws {ActorError} code `badServiceKey`.
   *
   * @example
   * ```ts
   * import {
   *   type ActorRef,
   *   ActorSystem,
   *   Behaviors,
   *   discoverable,
   *   Routers,
   *   ServiceKey,
   * } from "@casty/casty";
   *
   * const asking = ServiceKey<ActorRef<string>>("asking");
   * const worker = Behaviors.receive<ActorRef<string>>((context, replyTo) => {
   *   replyTo.tell(context.self.path);
   *   return Behaviors.same();
   * });
   *
   * await using system = new ActorSystem();
   * const group = system.spawn(Routers.group(asking), "group");
   * const answer = system.ask(group, (replyTo: ActorRef<string>) => replyTo);
   * system.spawn(discoverable(worker, asking), "worker");
   * console.assert(await answer === "/worker");
   * ```
   */
  group<M>(key: ServiceKey<M>, options?: GroupOptions<NoInfer<M>>): Behavior<M>;
}

/**
 * Creates routers: actors that forward each message to one of many, without a copy, in the order in
 * which they arrive. A reply goes from the routee directly to the `replyTo` of the message. A
 * message to a routee that is stopping is a dead letter.
 */
export const Routers: RouterFactories = {
  pool: poolRouter,
  group: groupRouter,
};
