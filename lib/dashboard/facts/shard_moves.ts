import type { ActorSystem } from "../../actor/system/actor_system.ts";
import type { ShardEvent } from "../../sharding/shard_event.ts";
import { Ring } from "../ring.ts";

/** A step of a shard on its way. */
export interface ShardMoveFact {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly shardType: string;
  readonly shard: number;
  /** What has happened. */
  readonly step: "handOff" | "freed" | "allocated";
  /** The former owner. */
  readonly from?: string;
  /** The new owner. */
  readonly to?: string;
  readonly epoch?: number;
  /** In one sentence. */
  readonly why: string;
}

const kept = 300;

/** Keeps the last moves of shards, at the node that coordinates. */
export class ShardMoves {
  readonly #moves = new Ring<ShardMoveFact>(kept);
  /** Why a shard has no owner now. */
  readonly #freed = new Map<string, { readonly from: string; readonly why: string }>();
  readonly #ends: (() => void)[];

  /** Begins with the next one. */
  constructor({ eventStream, runtime: { clock } }: ActorSystem) {
    const add = (move: Omit<ShardMoveFact, "at">) => {
      this.#moves.push({ at: clock.wallTime(), ...move });
    };
    const types = ["shardHandOffStarted", "shardFreed", "shardAllocated"] as const;
    this.#ends = types.map((type) =>
      eventStream.subscribe<ShardEvent>(type, (event) => this.#on(event, add))
    );
  }

  /** The last moves, the newest first. */
  last(): readonly ShardMoveFact[] {
    return this.#moves.last().toReversed();
  }

  /** Keeps no more. */
  close(): void {
    for (const end of this.#ends) end();
  }

  #on(event: ShardEvent, add: (move: Omit<ShardMoveFact, "at">) => void): void {
    const { shardType, shard } = event;
    const key = `${shard} ${shardType}`;
    switch (event.type) {
      case "shardHandOffStarted": {
        const { from, epoch } = event;
        const why = "the coordinator moves it: its owner leaves, or others have fewer shards";
        return add({ shardType, shard, step: "handOff", from, epoch, why });
      }
      case "shardFreed": {
        const { from, reason } = event;
        const why = reason === "ownerGone" ? `${from} is gone` : `${from} has handed it off`;
        // There is one for each shard without an owner.
        if (this.#freed.size > 10_000) this.#freed.clear();
        this.#freed.set(key, { from, why });
        return add({ shardType, shard, step: "freed", from, why });
      }
      case "shardAllocated": {
        const { owner: to, epoch } = event;
        const freed = this.#freed.get(key);
        this.#freed.delete(key);
        const why = freed?.why ?? "it had no owner";
        return add({
          shardType,
          shard,
          step: "allocated",
          ...(freed && { from: freed.from }),
          to,
          epoch,
          why,
        });
      }
    }
  }
}
