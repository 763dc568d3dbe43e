/**
 * Entries of many actors as columns: a few large values instead of many small objects, which are cheap
 * to send to a thread or a server. Pure.
 *
 * @module
 */
import type { AppendEntry, NewEvent } from "./journal.ts";

/** Numbers of an entry in {@linkcode AppendColumns}. */
export const entryColumns = 4;
/** Numbers of an event in {@linkcode AppendColumns}. */
export const eventColumns = 5;
/** `wake` of an entry that changes nothing; real ones are 0 or more. */
export const sameWake = -1;
/** `wake` of an entry without work to do. */
export const noWake = -2;
/** Length of the metadata of an event that has none. */
export const noMetadata = -1;

/** Bytes of events from which on no further entry is added to a commit. */
export const maxBatchBytes = 16 * 1024 * 1024;

/** Bytes of the events of an entry. */
export function sizeOf({ events }: AppendEntry): number {
  let bytes = 0;
  for (const { payload, metadata } of events) bytes += payload.length + (metadata?.length ?? 0);
  return bytes;
}

/** See the module's text. */
export interface AppendColumns {
  /** By entry. */
  readonly ids: readonly string[];
  /** By entry: `expectedSeq`, `epoch`, how many events, `wake`. */
  readonly entries: Float64Array<ArrayBuffer>;
  /** By event: `at`, `version`, `checksum`, length of the payload, length of the metadata. */
  readonly events: Float64Array<ArrayBuffer>;
  /** By event: its tags as JSON, or null. Undefined: no event has tags. */
  readonly tags: readonly (string | null)[] | undefined;
  /** Payload and metadata of each event, one after the other. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Entries as columns. Their bytes are copied. */
export function columnsOf(entries: readonly AppendEntry[]): AppendColumns {
  let count = 0;
  let size = 0;
  let hasTags = false;
  for (const entry of entries) {
    count += entry.events.length;
    size += sizeOf(entry);
    hasTags ||= entry.events.some(({ tags }) => tags !== undefined);
  }
  const columns = {
    ids: new Array<string>(entries.length),
    entries: new Float64Array(entryColumns * entries.length),
    events: new Float64Array(eventColumns * count),
    tags: hasTags ? new Array<string | null>(count) : undefined,
    bytes: new Uint8Array(size),
  };
  fill(columns, entries);
  return columns;
}

type Filled = Omit<AppendColumns, "ids" | "tags"> & {
  readonly ids: string[];
  readonly tags: (string | null)[] | undefined;
};

function fill(columns: Filled, entries: readonly AppendEntry[]): void {
  let index = 0;
  let at = 0;
  let start = 0;
  for (let n = 0; n < entries.length; n++) {
    const { id, expectedSeq, epoch, events, wake } = entries[n]!;
    columns.ids[n] = id;
    columns.entries[at++] = expectedSeq;
    columns.entries[at++] = epoch;
    columns.entries[at++] = events.length;
    columns.entries[at++] = wake === undefined ? sameWake : wake ?? noWake;
    for (const event of events) start = addEvent(columns, event, index++, start);
  }
}

/** Returns where the bytes of the next event begin. */
function addEvent(
  { events, tags: allTags, bytes }: Filled,
  { at, version, checksum, payload, metadata, tags }: NewEvent,
  index: number,
  start: number,
): number {
  const first = eventColumns * index;
  events[first] = at;
  events[first + 1] = version;
  events[first + 2] = checksum;
  events[first + 3] = payload.length;
  events[first + 4] = metadata?.length ?? noMetadata;
  if (allTags !== undefined) allTags[index] = tags === undefined ? null : JSON.stringify(tags);
  bytes.set(payload, start);
  if (metadata !== undefined) bytes.set(metadata, start + payload.length);
  return start + payload.length + (metadata?.length ?? 0);
}
