/**
 * Which durable actors are to be started because they have work: a reminder is due, or a message is to
 * be delivered. Pure: pages of the store and times come in, ids go out. Times are milliseconds since
 * 1970, except that an id which stays due is tried again by the back-off.
 *
 * The store is the only list: an id is due until its actor has appended that its work is done. Here are
 * only ids that are due by the end of the look-ahead, and those whose actors were called and have not
 * done their work yet. Calling twice does no harm, so nothing here has to survive.
 *
 * @module
 */
import { backoffDelay } from "../../runtime/backoff.ts";
import type { DueLog } from "../journal.ts";

/** Ids that are called and under way at once, besides those that are stuck. */
export const maxUnderWay = 1_000;
/** Ids in memory at most. */
export const maxKept = 10_000;
/** After so many calls an id that is still due counts as stuck. */
const stuckAfter = 3;
/** Between two calls of an id that stays due. */
const backoff = { min: 1_000, max: 60_000 };

interface Kept {
  wake: number;
  /** When it is called next. */
  at: number;
  calls: number;
}

/** See the module's text. */
export class DueIds {
  #kept = new Map<string, Kept>();

  /** Ids in memory. */
  get size(): number {
    return this.#kept.size;
  }

  /** Ids that were called several times, and are still due. */
  get stuck(): number {
    let count = 0;
    for (const { calls } of this.#kept.values()) if (calls >= stuckAfter) count++;
    return count;
  }

  /** How many ids to read: those that are stuck must not keep others from being read. */
  get pageLimit(): number {
    return Math.min(maxKept, maxUnderWay + this.stuck);
  }

  /** The soonest ids of the store: what is not among them has done its work, or comes later. */
  onPage(found: readonly DueLog[]): void {
    const kept = new Map<string, Kept>();
    for (const { id, wake } of found) {
      const known = this.#kept.get(id);
      kept.set(id, known?.wake === wake ? known : { wake, at: wake, calls: 0 });
    }
    this.#kept = kept;
  }

  /**
   * The ids to call now. `again`: also those that were called before and have not done their work, which
   * is known only just after a page was read.
   */
  take(now: number, again: boolean): string[] {
    const ids: string[] = [];
    for (const [id, kept] of this.#kept) {
      // The clock was set back since: the pause is no longer than it was to be.
      if (kept.calls > 0) kept.at = Math.min(kept.at, now + backoff.max);
      if (kept.at > now || kept.calls > 0 && !again) continue;
      kept.at = now + backoffDelay(backoff, kept.calls++, 0);
      ids.push(id);
    }
    return ids;
  }

  /** When the next one is to be called for the first time; Infinity: none is. */
  get next(): number {
    let next = Infinity;
    for (const { at, calls } of this.#kept.values()) if (calls === 0 && at < next) next = at;
    return next;
  }
}
