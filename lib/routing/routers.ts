import type { Behavior } from "../actor/behavior/behavior.ts";
import type { ServiceKey } from "../actor/services/service_key.ts";
import { type GroupOptions, groupRouter } from "./group_router.ts";
import { type PoolOptions, poolRouter } from "./pool_router.ts";

/** The ways to make a router. */
export interface RouterFactories {
  /**
   * Spawns `size` children of one behaviour and routes each message to one of them (Pekko's pool
   * router). A child that stops is not replaced: wrap `behavior` with `Behaviors.supervise` so that
   * it begins again instead. When the last has stopped, the router stops. Children are called
   * `routee-1`, `routee-2` and so on.
   *
   * @param size 1 to 10 000.
   * @throws {ActorError} codes `badOption`, `badBehavior`.
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
   * router). While it lists nobody, messages wait, in order, up to `bufferSize`. When the router
   * stops or begins again, what still waits is a dead letter with the reason `stopped`.
   *
   * A message that waits here has been delivered to the router, and the ledger counts it so; what
   * the router does with it, to pass it on or to lose it, counts as sent anew.
   *
   * @throws {ActorError} codes `badOption`, `badServiceKey`.
   *
   * @example
   * ```ts
   * import { type ActorRef, ActorSystem, Behaviors, discoverable } from "@casty/casty";
   * import { Routers, ServiceKey } from "@casty/casty";
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
 * Makes routers: actors that pass each message on to one of many, the very same object, in the order
 * in which they have got them. A reply goes from the routee to whom the message names: routers stand
 * in nobody's way back. What is routed to a routee that has just begun to stop is a dead letter.
 */
export const Routers: RouterFactories = {
  pool: poolRouter,
  group: groupRouter,
};
