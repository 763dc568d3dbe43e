/**
 * What a store offers besides the port {@linkcode Journal} to be one of several copies with the same
 * content.
 *
 * @module
 */
import type { Journal, LogHead, StoredEvent, StoredSnapshot } from "./journal.ts";

/** What is stored of an id besides its events. */
export interface LogRest extends LogHead {
  /** See {@linkcode AppendEntry}. */
  readonly wake: number | undefined;
  /** The oldest first. */
  readonly snapshots: readonly StoredSnapshot[];
}

/** A part of what is stored of an id. */
export interface LogPart {
  /** Persistence id. */
  readonly id: string;
  /** The number of the last event of the parts before; 0: it is the first part. */
  readonly after: number;
  /** Events after it, in order; those that were deleted are left out. */
  readonly events: readonly StoredEvent[];
  /** With the last part. */
  readonly rest: LogRest | undefined;
}

/** A store that can be copied, id by id. Rejects as a {@linkcode Journal} does. */
export interface CopyableJournal extends Journal {
  /** What decides about the next append. */
  head(id: string): Promise<LogHead>;
  /**
   * Events after a number, about as many as have `maxBytes`, at least one; and the rest, if these are all.
   * Of one state of the store. Undefined: it has nothing of the id.
   */
  exportLog(id: string, after: number, maxBytes: number): Promise<LogPart | undefined>;
  /**
   * Stores a part, in the place of all that was there if it is the first one. In one commit. A part that is
   * stored already changes nothing.
   */
  importLog(part: LogPart): Promise<void>;
  /** Removes all that is stored of ids: their numbers start at 1 again. */
  forget(ids: readonly string[]): Promise<void>;
}

/** Whether a store can be copied. */
export function isCopyable(journal: Journal): journal is CopyableJournal {
  const { exportLog, importLog, forget, head } = journal as Partial<CopyableJournal>;
  return [exportLog, importLog, forget, head].every((method) => typeof method === "function");
}

/** Bytes that an event counts in a part. */
export function partBytesOf(
  { payload, metadata }: {
    readonly payload: Uint8Array;
    readonly metadata?: Uint8Array | null | undefined;
  },
): number {
  return payload.length + (metadata?.length ?? 0) + 50;
}

/**
 * The part of a log that begins with some events. No more of them are taken than it needs to know whether it is
 * the last one.
 *
 * @param hasMore there are events behind these.
 */
export function partOfLog(
  id: string,
  { epoch, lastSeq, wake, snapshots }: LogRest,
  events: Iterable<StoredEvent>,
  after: number,
  maxBytes: number,
  hasMore = false,
): LogPart {
  let bytes = 0;
  const taken: StoredEvent[] = [];
  let isLast = !hasMore;
  for (const event of events) {
    if (taken.length > 0 && bytes >= maxBytes) {
      isLast = false;
      break;
    }
    bytes += partBytesOf(event);
    taken.push(event);
  }
  const rest = isLast ? { epoch, lastSeq, wake, snapshots } : undefined;
  return { id, after, events: taken, rest };
}
