/**
 * What a store of events and snapshots offers, and what it promises. One writer an id: the store
 * compares sequence numbers and epochs in the same commit, so that of two owners of one id at most one
 * appends (fencing tokens: Kleppmann, "How to do distributed locking"; Kafka's producer epochs).
 *
 * @module
 */
import { hashText } from "../runtime/fnv.ts";

/**
 * Slices divide the ids of a store into equal parts, for readers that share the work. The slice of an
 * id is the same in all stores and versions.
 */
export const sliceCount = 1_024;

/** The slice of an id, from 0 to 1023. */
export function sliceOf(id: string): number {
  return hashText(id) & (sliceCount - 1);
}

/** Slices that follow each other. */
export interface SliceRange {
  /** The first, from 0. */
  readonly from: number;
  /** The last, up to 1023; included. */
  readonly to: number;
}

/** An event to be stored. */
export interface NewEvent {
  /**
   * The event in bytes. Empty: there is no event, only entries of the metadata. Of an event to be stored it
   * may be a part of a larger buffer: a store that keeps it takes a copy.
   */
  readonly payload: Uint8Array;
  /**
   * Entries of the actor's metadata that come with this event, in bytes: what the library keeps for it
   * besides its own state, such as reminders. Default: none.
   */
  readonly metadata?: Uint8Array;
  /** Version of the event's schema, from 0. */
  readonly version: number;
  /** Milliseconds since 1970 at the writer. */
  readonly at: number;
  /** CRC-32C of the payload and then the metadata, as the writer has computed it. */
  readonly checksum: number;
  /** Labels that projections select by. Default: none. */
  readonly tags?: readonly string[];
}

/** Events of one id, which are stored all or none, one after the other. */
export interface AppendEntry {
  /** Persistence id. */
  readonly id: string;
  /** The number of the last event that the writer knows; 0: there is none. */
  readonly expectedSeq: number;
  /** Epoch of the writer: the one that {@linkcode Journal.open} has returned. */
  readonly epoch: number;
  /** At least one. */
  readonly events: readonly NewEvent[];
  /**
   * When the id has work to do next, in milliseconds since 1970; 0: now. Stored in the same commit, for
   * {@linkcode Journal.readDue}. `null`: it has none any more. Undefined: as before.
   */
  readonly wake?: number | null;
}

/**
 * The result of one entry. Nothing of it is stored unless it was appended.
 *
 * - `appended`: durable, as the store defines it.
 * - `fenced`: a writer with a higher epoch has opened the id. This writer has to stop.
 * - `conflict`: the last number is not the expected one, so another writer of the same epoch, or an
 *   append whose outcome was unknown, has come before.
 */
export type AppendResult =
  | { readonly outcome: "appended"; readonly lastSeq: number }
  | { readonly outcome: "fenced"; readonly epoch: number }
  | { readonly outcome: "conflict"; readonly lastSeq: number };

/** A stored event. */
export interface StoredEvent extends NewEvent {
  /** From 1, without gaps. */
  readonly seq: number;
  /** Epoch of its writer. */
  readonly epoch: number;
}

/** A stored state. */
export interface StoredSnapshot {
  /** The number of the last event in it. */
  readonly seq: number;
  /** Epoch of its writer. */
  readonly epoch: number;
  /** Milliseconds since 1970 at the writer. */
  readonly at: number;
  /** Version of the state's schema, from 0. */
  readonly version: number;
  /** The state in bytes. */
  readonly payload: Uint8Array;
  /** The whole metadata of the actor in bytes. Default: it has none. */
  readonly metadata?: Uint8Array;
  /** CRC-32C of the payload and then the metadata, as it was computed before the write. */
  readonly checksum: number;
}

/** What decides about an append to an id. */
export interface LogHead {
  /** The highest epoch that has opened the id; 0: none has. */
  readonly epoch: number;
  /** The number of the last event; 0: there is none. */
  readonly lastSeq: number;
}

/** What an append claims. */
export interface AppendClaim {
  /** See {@linkcode AppendEntry}. */
  readonly expectedSeq: number;
  /** See {@linkcode AppendEntry}. */
  readonly epoch: number;
  /** How many events. */
  readonly count: number;
}

/** Whether an entry may be appended: the one rule of all stores. Checked in the same commit. */
export function judgeAppend({ epoch, lastSeq }: LogHead, claim: AppendClaim): AppendResult {
  if (claim.epoch < epoch) return { outcome: "fenced", epoch };
  if (claim.expectedSeq !== lastSeq) return { outcome: "conflict", lastSeq };
  return { outcome: "appended", lastSeq: lastSeq + claim.count };
}

/** What an entry claims. */
export function claimOf({ expectedSeq, epoch, events }: AppendEntry): AppendClaim {
  return { expectedSeq, epoch, count: events.length };
}

/** The epoch with which an id is opened; undefined: a higher one has opened it before. */
export function judgeOpen(highest: number, epoch: number | undefined): number | undefined {
  if (epoch === undefined) return highest + 1;
  return epoch < highest ? undefined : epoch;
}

/** What a writer is told when it opens an id. */
export interface OpenedLog {
  /** The epoch for appends: from now on no lower one appends. */
  readonly epoch: number;
  /** The number of the last event, also when it was deleted; 0: there never was one. */
  readonly lastSeq: number;
}

/** Which events are read. */
export interface ReadOptions {
  /** First number. Default 1. */
  readonly from?: number;
  /** Last number. Default: the last one that is stored when the reading begins. */
  readonly to?: number;
  /** Events that are loaded at a time. Default 500. */
  readonly batch?: number;
}

/** An event, and where it is in the order of its slice. */
export interface SliceEvent extends StoredEvent {
  /** Persistence id. */
  readonly id: string;
  /** Slice of the id. */
  readonly slice: number;
  /** Its place in the order of the slice. It grows; what it means is the store's affair. */
  readonly position: bigint;
}

/** Which events of slices are read. */
export interface ReadSlicesOptions {
  /** The slices. */
  readonly slices: SliceRange;
  /** By slice: only events after this position. A slice that is missing is read from its beginning. */
  readonly after: ReadonlyMap<number, bigint>;
  /** Events in a page, at most. Default 500. */
  readonly limit?: number;
  /** Only events with this tag. Default: all. */
  readonly tag?: string;
}

/** Events of slices. */
export interface SlicePage {
  /** In the order of their slices: of each slice, each event once, and none is left out. */
  readonly events: readonly SliceEvent[];
  /**
   * `after` for the next page: by slice, up to where all was read. Also for slices without new events,
   * so that what was passed over is not searched again.
   */
  readonly next: ReadonlyMap<number, bigint>;
}

/** The position up to which nothing of the slices is wanted, in a store with one order for all. */
export function lowest({ slices: { from, to }, after }: ReadSlicesOptions): bigint {
  let position = after.get(from) ?? 0n;
  for (let slice = from + 1; slice <= to && position > 0n; slice++) {
    const own = after.get(slice) ?? 0n;
    if (own < position) position = own;
  }
  return position;
}

/** `next` of a page of a store that has one order for all slices: up to which position all was read. */
export function advanced(
  { slices: { from, to }, after }: ReadSlicesOptions,
  read: bigint,
): Map<number, bigint> {
  const next = new Map<number, bigint>();
  for (let slice = from; slice <= to; slice++) {
    const before = after.get(slice) ?? 0n;
    next.set(slice, before > read ? before : read);
  }
  return next;
}

/** Which ids with work to do are read. */
export interface ReadDueOptions {
  /** The slices of the ids. */
  readonly slices: SliceRange;
  /** Milliseconds since 1970: ids whose `wake` is not later. */
  readonly before: number;
  /** Ids, at most. */
  readonly limit: number;
}

/** An id that has work to do. */
export interface DueLog {
  /** Persistence id. */
  readonly id: string;
  /** Since when, in milliseconds since 1970; see {@linkcode AppendEntry}. */
  readonly wake: number;
}

/**
 * A store of events and snapshots. Every method rejects with a {@linkcode PersistenceError} of code
 * `storeUnavailable` when the store cannot be reached, is closed or too busy; of `outcomeUnknown` when
 * it cannot say whether a write was done; and with nothing else for a fault of the store.
 */
export interface Journal {
  /** Names the store in logs and errors, such as `sqlite:/var/lib/bank.db`. No password. */
  readonly name: string;
  /**
   * Why it refuses calls now, in one sentence: health checks of the node show it. Undefined or absent:
   * it does not.
   */
  readonly failure?: string | undefined;
  /**
   * Whether all nodes of a cluster have the same store behind it, such as a database. Types with
   * `replication` then have hot standbys instead of copies. Absent: it is that of one node.
   */
  readonly isShared?: boolean;
  /**
   * Takes over an id: when it resolves no writer with a lower epoch appends to it any more, and all
   * that such writers have appended can be read.
   *
   * @param epoch of the grant. Undefined for an actor that no cluster owns: the store gives one more
   * than the highest.
   * @throws {PersistenceError} code `fenced` if a higher epoch has opened the id.
   */
  open(id: string, epoch: number | undefined): Promise<OpenedLog>;
  /**
   * Appends entries of different ids, each all or nothing. The results are in the order of the
   * entries, which may be durable in any order.
   */
  append(entries: readonly AppendEntry[]): Promise<readonly AppendResult[]>;
  /** The events of an id in the order of their numbers; those that were deleted are left out. */
  read(id: string, options?: ReadOptions): AsyncIterable<StoredEvent>;
  /** The newest snapshot with at most `maxSeq`. Default: of all. */
  loadSnapshot(id: string, maxSeq?: number): Promise<StoredSnapshot | undefined>;
  /**
   * Saves a snapshot, and deletes those before the newest `keep`.
   *
   * @throws {PersistenceError} code `fenced` if a higher epoch has opened the id.
   */
  saveSnapshot(id: string, snapshot: StoredSnapshot, keep: number): Promise<void>;
  /** Deletes events up to a number. Their numbers are not given again. */
  deleteEvents(id: string, upTo: number, epoch: number): Promise<void>;
  /**
   * Deletes all events and snapshots of an id, and its `wake`. What remains is small: the last number
   * and the epoch, which go on.
   *
   * @throws {PersistenceError} code `fenced` if a higher epoch has opened the id.
   */
  delete(id: string, epoch: number): Promise<void>;
  /**
   * Events of slices, in an order that never changes and has no gaps: an event that a reader has not
   * been given comes after those that it has, however long its commit took. It may therefore be given
   * later than it can be read by its id.
   */
  readSlices(options: ReadSlicesOptions): Promise<SlicePage>;
  /**
   * About how many events {@linkcode Journal.readSlices} would give from there, at most `limit`; 0 only
   * if there is none. Absent: the store cannot tell without reading them.
   */
  countSlices?(options: ReadSlicesOptions): Promise<number>;
  /** Ids with work to do, the soonest first. */
  readDue(options: ReadDueOptions): Promise<readonly DueLog[]>;
  /**
   * Calls back after appends, by other processes as well where the store can tell. A hint only, which
   * may be late or missing: a reader asks again after some time without one.
   *
   * @returns ends it.
   */
  onAppended?(listener: () => void): () => void;
  /** Ends the writes that are under way, and refuses others. A second call does the same. */
  close(): Promise<void>;
  /** The same as `close`: for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}
