/**
 * Which events follow from what the owner of a shard says of its copies, one status after the other. Pure.
 *
 * @module
 */
import type { ShardCopiesEvent } from "./copies_event.ts";
import type { ReplicaStatus } from "./primary.ts";

/** Milliseconds that a shard waits before that is an event: each promotion waits for an instant. */
const quietWait = 2_000;

interface Seen {
  epoch: number;
  isOpen: boolean;
  copies: string;
  /** What it has waited for, and since when. */
  waitsFor: string;
  since: number;
  isTold: boolean;
}

/** See the module's text. */
export class StatusEvents {
  readonly #shardType: string;
  readonly #seen = new Map<number, Seen>();

  constructor(shardType: string) {
    this.#shardType = shardType;
  }

  /**
   * The status of a shard that this node owns.
   *
   * @param waitsFor what keeps it from opening, in words.
   */
  on(shard: number, status: ReplicaStatus, waitsFor: string, now: number): ShardCopiesEvent[] {
    const { epoch, phase, config } = status;
    const about = { shardType: this.#shardType, shard, epoch };
    const seen = this.#of(shard, epoch, now);
    const events: ShardCopiesEvent[] = [];
    const isOpen = phase === "open";
    if (isOpen && !seen.isOpen) events.push({ type: "shardOpened", ...about });
    seen.isOpen = isOpen;
    if (isOpen || waitsFor !== seen.waitsFor) {
      seen.waitsFor = isOpen ? "" : waitsFor;
      seen.since = now;
      seen.isTold = false;
    } else if (!seen.isTold && now - seen.since >= quietWait) {
      seen.isTold = true;
      events.push({ type: "shardWaiting", ...about, waitsFor });
    }
    const copies = [...new Set(config?.inSync.map(({ address }) => address))].sort();
    if (copies.length === 0 || copies.join() === seen.copies) return events;
    seen.copies = copies.join();
    events.push({ type: "shardCopiesChanged", ...about, copies });
    return events;
  }

  /** This node owns the shard no more. */
  forget(shard: number): void {
    this.#seen.delete(shard);
  }

  #of(shard: number, epoch: number, now: number): Seen {
    const known = this.#seen.get(shard);
    if (known?.epoch === epoch) return known;
    const copies = known?.copies ?? "";
    const seen = { epoch, isOpen: false, copies, waitsFor: "", since: now, isTold: false };
    this.#seen.set(shard, seen);
    return seen;
  }
}
