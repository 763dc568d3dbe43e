import type { ActorSystem } from "../actor/system/actor_system.ts";
import { instruments } from "../runtime/instruments.ts";
import type { Counter, Telemetry } from "../runtime/telemetry.ts";
import type { ShardCopiesEvent } from "./copies_event.ts";
import type { ShardCopies } from "./replication.ts";
import type { WarmCounts } from "./standby/warm_entities.ts";

const counted = [
  "shardOpened",
  "shardWaiting",
  "shardCopiesChanged",
  "shardCopyFilled",
  "shardLossAccepted",
  "shardCopyFailed",
  "shardCopyRecovered",
] as const satisfies readonly ShardCopiesEvent["type"][];

/** Measures replication on one node. Returns a function that ends it. */
export function measureReplication(
  telemetry: Telemetry | undefined,
  { eventStream }: ActorSystem,
  shards: () => readonly ShardCopies[],
): () => void {
  if (!telemetry?.enabled) return () => {};
  const events = telemetry.counter(instruments.copyEvents);
  const perType = (valueOf: (shard: ShardCopies) => number) => {
    const sums = new Map<string, number>();
    for (const shard of shards()) {
      const { shardType } = shard;
      sums.set(shardType, (sums.get(shardType) ?? 0) + valueOf(shard));
    }
    return sums;
  };
  const gauge = (
    about: (typeof instruments)["copyLag" | "shardsWaiting" | "shardCopies"],
    valueOf: (shard: ShardCopies) => number,
  ) =>
    telemetry.gauge(about, (observe) => {
      for (const [type, value] of perType(valueOf)) observe(value, { type });
    });
  const ends = [
    gauge(instruments.shardCopies, ({ copies }) => copies.filter(({ inSync }) => inSync).length),
    gauge(instruments.shardsWaiting, ({ open }) => open ? 0 : 1),
    gauge(instruments.copyLag, ({ copies }) => copies.reduce((sum, { lag }) => sum + lag, 0)),
    ...counted.map((event) =>
      eventStream.subscribe<ShardCopiesEvent>(event, ({ shardType: type }) => {
        events.add(1, { type, event });
      })
    ),
  ];
  return () => ends.forEach((end) => end());
}

/** What types keep ready as standbys. */
export interface StandbyTypes {
  [Symbol.iterator](): Iterator<{
    readonly options: { readonly shardType: string };
    readonly counts: WarmCounts | undefined;
  }>;
}

/** Measures the hot standbys of one node. */
export class StandbyTelemetry {
  readonly #starts: Counter | undefined;
  readonly #ends: readonly (() => void)[];

  /** Measures nothing if telemetry is off. */
  constructor(telemetry: Telemetry | undefined, types: StandbyTypes) {
    if (!telemetry?.enabled) {
      this.#ends = [];
      return;
    }
    this.#starts = telemetry.counter(instruments.standbyStarts);
    const each = (take: (type: string, counts: WarmCounts) => void) => {
      for (const { options: { shardType }, counts } of types) {
        if (counts !== undefined) take(shardType, counts);
      }
    };
    this.#ends = [
      telemetry.gauge(
        instruments.standbyEntities,
        (observe) =>
          each((type, { ready, reading, leftOut }) => {
            for (const [state, count] of Object.entries({ ready, reading, leftOut })) {
              observe(count, { type, state });
            }
          }),
      ),
      telemetry.gauge(
        instruments.standbyBytes,
        (observe) => each((type, { bytes }) => observe(bytes, { type })),
      ),
      telemetry.gauge(
        instruments.standbyLag,
        (observe) => each((type, { lag }) => observe(lag, { type })),
      ),
    ];
  }

  /** An entity has started from what was ready, or not, since that did not match the store. */
  started(type: string, isUsed: boolean): void {
    this.#starts?.add(1, { type, outcome: isUsed ? "used" : "refused" });
  }

  /** Measures nothing any more. */
  close(): void {
    for (const end of this.#ends) end();
  }
}
