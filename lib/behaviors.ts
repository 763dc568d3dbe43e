import { type ActorBehaviors, Behaviors as OfActors } from "./actor/behavior/behaviors.ts";
import type { Behavior } from "./actor/behavior/behavior.ts";
import { discoverable } from "./actor/behavior/discoverable.ts";
import {
  type BroadcastBehavior,
  broadcasted,
  type BroadcastOptions,
} from "./broadcast/broadcast_behavior.ts";
import { type DurableState, durableState } from "./persistence/durable_state.ts";
import { type EventSourced, eventSourced } from "./persistence/event_sourced.ts";
import { type Sharded, sharded } from "./sharding/sharded_behavior.ts";
import { scheduled } from "./singleton/scheduled_behavior.ts";
import { singleton } from "./singleton/singleton_behavior.ts";
import { workers } from "./singleton/workers_behavior.ts";

/**
 * Everything that a behaviour can be made of: actors, durable actors, and what only a cluster can spawn.
 */
export interface BehaviorFactories extends ActorBehaviors {
  /** Registers each actor that has the behaviour under a service key. */
  readonly discoverable: typeof discoverable;
  /** Describes entities that live once in the cluster. */
  readonly sharded: Sharded;
  /** Describes an actor of which one instance lives in the cluster. */
  readonly singleton: typeof singleton;
  /** Describes a job that the cluster runs at the times of a cron expression. */
  readonly scheduled: typeof scheduled;
  /** Describes numbered actors of which each lives once in the cluster. */
  readonly workers: typeof workers;
  /**
   * Describes an actor of which every node that spawns it under the same name has an instance: what is
   * told to its reference goes to all of them.
   *
   * @throws {OptionError}
   */
  broadcasted<M>(behavior: Behavior<M>, options?: BroadcastOptions): BroadcastBehavior<M>;
  /**
   * An actor whose state is made of stored events; see `eventSourced` of `@casty/casty/persistence`,
   * where the journals are.
   *
   * @throws {OptionError}
   */
  eventSourced<C, E, S>(definition: EventSourced<C, E, S>): Behavior<C>;
  /**
   * An actor whose state is stored as a whole; see `durableState` of `@casty/casty/persistence`.
   *
   * @throws {OptionError}
   */
  durableState<M, S>(definition: DurableState<M, S>): Behavior<M>;
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
  singleton,
  scheduled,
  workers,
  broadcasted,
  eventSourced,
  durableState,
});
