/**
 * What the coordinator believes of shards: the owner of the present grant speaks for its shard, and nobody
 * else. A report may come before the coordinator has heard of the grant, so it waits a little. Pure.
 *
 * @module
 */
import { rules } from "../runtime/rules.ts";
import type { ShardGrant } from "../sharding/routing/shard_grant.ts";
import type { ShardStatus } from "./control_form.ts";

/** Milliseconds that a status waits for the grant which it names. */
const holdFor = 5_000;

interface Held {
  readonly from: string;
  readonly status: ShardStatus;
  readonly at: number;
}

/** See the module's text. */
export class OwnerReports {
  readonly #grantOf: (shard: number) => ShardGrant | undefined;
  /** The last one of each sender about each shard. */
  readonly #held = new Map<string, Held>();

  /** @param grantOf the present grant, as the coordinator knows it. */
  constructor(grantOf: (shard: number) => ShardGrant | undefined) {
    this.#grantOf = grantOf;
  }

  /** Whether a node owns a shard by a grant with this epoch; undefined: the grant is not known yet. */
  isOwner(shard: number, from: string, epoch: number): boolean | undefined {
    if (!rules.ownersReportShards) return true;
    const grant = this.#grantOf(shard);
    if (grant === undefined || epoch > grant.epoch) return undefined;
    return grant.owner === from && grant.epoch === epoch;
  }

  /** Whether to take a status now. One of a grant that is not known waits. */
  take(from: string, status: ShardStatus, now: number): boolean {
    const key = `${status.shard} ${from}`;
    this.#held.delete(key);
    const isOwner = this.isOwner(status.shard, from, status.epoch);
    if (isOwner === undefined) this.#held.set(key, { from, status, at: now });
    return isOwner === true;
  }

  /** Those that have waited, and are of owners, as is known now. */
  ready(now: number): readonly { readonly from: string; readonly status: ShardStatus }[] {
    const ready: Held[] = [];
    for (const [key, held] of this.#held) {
      const { from, status, at } = held;
      const isOwner = this.isOwner(status.shard, from, status.epoch);
      if (isOwner === undefined && now - at < holdFor) continue;
      this.#held.delete(key);
      if (isOwner === true) ready.push(held);
    }
    return ready;
  }

  /** Forgets what waits: another node coordinates. */
  clear(): void {
    this.#held.clear();
  }
}
