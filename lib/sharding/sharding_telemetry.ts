import type { ActorSystem } from "../actor/system/actor_system.ts";
import { instruments } from "../runtime/instruments.ts";
import type { Telemetry } from "../runtime/telemetry.ts";
import type { ShardEvent } from "./shard_event.ts";

/** One sharded type, as it is measured. */
export interface MeasuredType {
  readonly shardType: string;
  /** Shards that this node runs. */
  readonly running: number;
  /** Shards that it hands off. */
  readonly handingOff: number;
  /** Entities that run on this node. */
  readonly entities: number;
}

/** Events that are counted. */
const counted = [
  "shardAllocated",
  "shardHandOffStarted",
  "shardFreed",
  "shardStarted",
  "shardStopped",
] as const satisfies readonly ShardEvent["type"][];

/** Measures sharding on one node. Returns a function that ends it. */
export function measureSharding(
  telemetry: Telemetry | undefined,
  { eventStream }: ActorSystem,
  types: () => Iterable<MeasuredType>,
  holdsLease: () => boolean,
): () => void {
  if (!telemetry?.enabled) return () => {};
  const events = telemetry.counter(instruments.shardEvents);
  const ends = [
    telemetry.gauge(instruments.shards, (observe) => {
      for (const { shardType: type, running, handingOff } of types()) {
        observe(running, { type, state: "running" });
        observe(handingOff, { type, state: "handingOff" });
      }
    }),
    telemetry.gauge(instruments.entities, (observe) => {
      for (const { shardType: type, entities } of types()) observe(entities, { type });
    }),
    telemetry.gauge(instruments.ownerLease, (observe) => observe(holdsLease() ? 1 : 0)),
    ...counted.map((event) =>
      eventStream.subscribe<ShardEvent>(event, ({ shardType: type }) => {
        events.add(1, { type, event });
      })
    ),
  ];
  return () => ends.forEach((end) => end());
}
