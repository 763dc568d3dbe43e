import { checkValue } from "../options/check_options.ts";
import { callback } from "../options/option.ts";

/** Each message to the next routee, in turn. */
export interface RoundRobin {
  /** Names the strategy. */
  readonly kind: "roundRobin";
}

/** Each message to any routee. */
export interface RandomRouting {
  /** Names the strategy. */
  readonly kind: "random";
}

/** Messages of one key to one routee. */
export interface ConsistentHash<in M> {
  /** Names the strategy. */
  readonly kind: "consistentHash";
  /** The key of a message. */
  readonly key: (message: M) => string;
}

/** How a router chooses among its routees. An immutable value that any number of routers can use. */
export type RoutingStrategy<M> = RoundRobin | RandomRouting | ConsistentHash<M>;

/**
 * Each message to the next routee, in turn. When routees come or go, the next one keeps its
 * turn.
 *
 * @example
 * ```ts
 * import { Behaviors, roundRobin, Routers } from "@casty/casty";
 *
 * const pool = Routers.pool(4, Behaviors.ignore(), { strategy: roundRobin() });
 * console.assert(pool.kind === "setup");
 * ```
 */
export function roundRobin(): RoundRobin {
  return inTurn;
}

/**
 * Each message to any routee, by the system's random source (`runtime.random`).
 *
 * @example
 * ```ts
 * import { Behaviors, random, Routers } from "@casty/casty";
 *
 * const pool = Routers.pool(4, Behaviors.ignore(), { strategy: random() });
 * console.assert(pool.kind === "setup");
 * ```
 */
export function random(): RandomRouting {
  return byChance;
}

/**
 * Messages of one key to one routee, for as long as that routee is there: when a routee comes or
 * goes, only its own keys move. Routers on different nodes that know the same routees agree, since a
 * routee is identified by its node and path.
 *
 * Rendezvous hashing, or highest random weight (Thaler and Ravishankar, "Using name-based mappings
 * to increase hit rates", 1998), with a hash that never changes. A message costs a few
 * multiplications per routee and allocates nothing.
 *
 * @param key returns the key of a message, any text. A message for which it throws, or returns
 * something else, is a dead letter with the reason `invalidMessage`.
 * @throws {OptionError}
 *
 * @example
 * ```ts
 * import { Behaviors, consistentHash, Routers } from "@casty/casty";
 *
 * interface Order {
 *   customer: string;
 * }
 * const handler = Behaviors.receive<Order>(() => Behaviors.same());
 * const pool = Routers.pool(4, handler, { strategy: consistentHash((order) => order.customer) });
 * console.assert(pool.kind === "setup");
 * ```
 */
export function consistentHash<M>(key: (message: M) => string): ConsistentHash<M> {
  checkValue("key", callback("a function of the message that returns its key"), key);
  return Object.freeze({ kind: "consistentHash", key });
}

const inTurn: RoundRobin = Object.freeze({ kind: "roundRobin" });
const byChance: RandomRouting = Object.freeze({ kind: "random" });
