/**
 * Which node a copy obeys: the owner that the coordinator has named for the epoch. A member that claims an
 * epoch which it was not granted could otherwise fence the true owner, cut entries off, and have copies
 * dropped. Asked once for each grant: from then on the copy knows its owner. Pure.
 *
 * @module
 */
import { rules } from "../runtime/rules.ts";
import type { ShardGrant } from "../sharding/routing/shard_grant.ts";
import type { PromiseEpochMessage } from "./replication_protocol.ts";

/** At most so many requests about a shard in so many milliseconds: a grant may follow another at once. */
const askInterval = 100;
const maxAsks = 3;
/** How long a message waits for the answer, milliseconds. */
const holdFor = 1_000;
/** Messages that wait about one shard: the last one of each sender. */
const maxHeld = 16;

/** A message that waits until its sender is known to be the owner. */
export interface HeldPromise {
  readonly from: string;
  readonly message: PromiseEpochMessage;
}

interface Held extends HeldPromise {
  readonly at: number;
}

interface Entry {
  known: ShardGrant | undefined;
  askedAt: number;
  /** Requests since then. */
  asks: number;
  held: Held[];
}

/** What the coordinator answers about these shards: the grants that there are. */
export function grantsOf(
  shards: readonly number[],
  grantOf: (shard: number) => ShardGrant | undefined,
): (readonly [shard: number, epoch: number, owner: string])[] {
  return [...new Set(shards)].flatMap((shard) => {
    const grant = grantOf(shard);
    return grant === undefined ? [] : [[shard, grant.epoch, grant.owner] as const];
  });
}

/** See the module's text. */
export class ShardOwners {
  readonly #shards = new Map<number, Entry>();

  /**
   * Whether a copy may take what a node says as the owner.
   *
   * @param promised the highest epoch that the copy has promised: what is older it refuses itself, and
   * thereby tells an owner that it was replaced.
   * @returns `unknown`: the coordinator has to be asked.
   */
  judge(
    shard: number,
    from: string,
    epoch: number,
    promised: number,
  ): "owner" | "other" | "unknown" {
    if (epoch < promised || !rules.copiesObeyOwners) return "owner";
    const known = this.#shards.get(shard)?.known;
    if (known === undefined || epoch > known.epoch) return "unknown";
    return epoch === known.epoch && from === known.owner ? "owner" : "other";
  }

  /** A promise that is asked for waits for the coordinator; other messages are repeated by their sender. */
  hold(shard: number, from: string, message: PromiseEpochMessage, now: number): void {
    const entry = this.#entry(shard);
    const others = entry.held.filter((held) => held.from !== from && now - held.at < holdFor);
    if (others.length < maxHeld) others.push({ from, message, at: now });
    entry.held = others;
  }

  /** Whether to ask the coordinator about a shard now. */
  shallAsk(shard: number, now: number): boolean {
    const entry = this.#entry(shard);
    if (now - entry.askedAt >= askInterval) {
      entry.askedAt = now;
      entry.asks = 0;
    }
    return ++entry.asks <= maxAsks;
  }

  /** Shards about which the coordinator has not answered, of messages that wait still. */
  unanswered(now: number): readonly number[] {
    const shards: number[] = [];
    for (const [shard, entry] of this.#shards) {
      if (entry.held.length === 0) continue;
      entry.held = entry.held.filter(({ at }) => now - at < holdFor);
      if (entry.held.length > 0 && this.shallAsk(shard, now)) shards.push(shard);
    }
    return shards;
  }

  /** The coordinator has named an owner. Answers the messages that have waited for that. */
  told(shard: number, grant: ShardGrant): readonly HeldPromise[] {
    const entry = this.#entry(shard);
    if (entry.known !== undefined && entry.known.epoch > grant.epoch) return [];
    entry.known = grant;
    const { owner, epoch } = grant;
    const isTrue = ({ from, message }: HeldPromise) => from === owner && message.epoch === epoch;
    const ready = entry.held.filter(isTrue).map(({ from, message }) => ({ from, message }));
    entry.held = entry.held.filter((held) => held.message.epoch > epoch);
    return ready;
  }

  #entry(shard: number): Entry {
    let entry = this.#shards.get(shard);
    if (entry === undefined) {
      this.#shards.set(shard, entry = { known: undefined, askedAt: -Infinity, asks: 0, held: [] });
    }
    return entry;
  }
}
