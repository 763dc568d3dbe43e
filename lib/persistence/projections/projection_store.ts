import type { SliceRange } from "../journal.ts";
import type { Offsets } from "./offset_rows.ts";

/** What a worker is told when it opens its slices. */
export interface OpenedOffsets {
  /** To be given with each save: from now on nobody else saves these slices. */
  readonly fence: number;
  /** Up to where they were handled. */
  readonly offsets: Offsets;
  /** Whether the projection is paused. */
  readonly paused: boolean;
  /** Whether a worker has opened some of the slices before. */
  readonly opened: boolean;
}

/** Offsets that a worker saves. */
export interface SavedOffsets {
  /** The slices of the worker, as it has opened them. */
  readonly range: SliceRange;
  /** See {@linkcode OpenedOffsets}. */
  readonly fence: number;
  /** All of the range. */
  readonly offsets: Offsets;
}

/**
 * Where a projection keeps up to which event it is. `T` is what a handler gets to write with, in the
 * transaction that saves the offset; `undefined` for a store without transactions.
 *
 * Every method rejects with a {@linkcode PersistenceError} of code `storeUnavailable`, `outcomeUnknown`
 * or, when another worker has opened the slices, `fenced`.
 */
export interface ProjectionStore<T = undefined> {
  /** Names the store in logs and errors. No password. */
  readonly name: string;
  /**
   * Takes slices over: when it resolves no earlier worker saves them, and all that such workers have
   * saved is in the result. `takeOver` is the rule.
   *
   * @param grant epoch of the grant of the worker's shard; undefined: no cluster owns it.
   */
  open(
    projection: string,
    range: SliceRange,
    grant: number | undefined,
  ): Promise<OpenedOffsets>;
  /** Saves offsets. */
  save(projection: string, saved: SavedOffsets): Promise<void>;
  /**
   * Runs `work` and saves the offsets in one transaction: both, or nothing. Rejects with the error of
   * `work` itself if that has thrown and nothing is stored. Absent: the store has no transactions, and
   * events are handled at least once.
   */
  transact?(
    projection: string,
    saved: SavedOffsets,
    work: (transaction: T) => void | Promise<void>,
  ): Promise<void>;
  /** Whether its workers rest. Kept over restarts. */
  setPaused(projection: string, paused: boolean): Promise<void>;
  /**
   * Begins with the first event again: forgets all offsets, and lets no worker save before it has
   * opened its slices again. `clear` runs in the same transaction, if there is one.
   */
  reset(
    projection: string,
    clear: ((transaction: T) => void | Promise<void>) | undefined,
  ): Promise<void>;
  /** Ends connections. */
  close(): Promise<void>;
  /** The same as `close`: for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}
