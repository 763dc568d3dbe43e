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

/** What is packed as JSON: ids, and tags if there are any. */
type Texts = readonly [ids: readonly string[], tags?: readonly (string | null)[]];

/** Numbers before all others: how many entries and events, and bytes of events. */
const headColumns = 3;
const numberBytes = Float64Array.BYTES_PER_ELEMENT;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Entries as columns in one array of bytes: the head, the numbers of entries and of events, the bytes
 * of events, and the texts as JSON.
 */
export function packedOf(entries: readonly AppendEntry[]): Uint8Array<ArrayBuffer> {
  let count = 0;
  let size = 0;
  let hasTags = false;
  for (const entry of entries) {
    count += entry.events.length;
    size += sizeOf(entry);
    hasTags ||= entry.events.some(({ tags }) => tags !== undefined);
  }
  const ids = new Array<string>(entries.length);
  const tags = hasTags ? new Array<string | null>(count) : undefined;
  for (let n = 0; n < ids.length; n++) ids[n] = entries[n]!.id;
  if (tags !== undefined) fillTags(tags, entries);
  const texts: Texts = tags === undefined ? [ids] : [ids, tags];
  const text = encoder.encode(JSON.stringify(texts));
  const numbers = headColumns + entryColumns * entries.length + eventColumns * count;
  const packed = new Uint8Array(numbers * numberBytes + size + text.length);
  fill(new Float64Array(packed.buffer, 0, numbers), packed, entries, count, size);
  packed.set(text, packed.length - text.length);
  return packed;
}

function fillTags(tags: (string | null)[], entries: readonly AppendEntry[]): void {
  let index = 0;
  for (const { events } of entries) {
    for (const { tags: own } of events) {
      tags[index++] = own === undefined ? null : JSON.stringify(own);
    }
  }
}

function fill(
  numbers: Float64Array,
  packed: Uint8Array,
  entries: readonly AppendEntry[],
  count: number,
  size: number,
): void {
  numbers[0] = entries.length;
  numbers[1] = count;
  numbers[2] = size;
  let at = headColumns;
  let eventAt = at + entryColumns * entries.length;
  let start = numbers.byteLength;
  for (let n = 0; n < entries.length; n++) {
    const { expectedSeq, epoch, events, wake } = entries[n]!;
    numbers[at++] = expectedSeq;
    numbers[at++] = epoch;
    numbers[at++] = events.length;
    numbers[at++] = wake === undefined ? sameWake : wake ?? noWake;
    for (const event of events) {
      start = fillEvent(numbers, eventAt, packed, start, event);
      eventAt += eventColumns;
    }
  }
}

/** Returns where the bytes of the next event begin. */
function fillEvent(
  numbers: Float64Array,
  at: number,
  packed: Uint8Array,
  start: number,
  { at: time, version, checksum, payload, metadata }: NewEvent,
): number {
  numbers[at] = time;
  numbers[at + 1] = version;
  numbers[at + 2] = checksum;
  numbers[at + 3] = payload.length;
  numbers[at + 4] = metadata?.length ?? noMetadata;
  packed.set(payload, start);
  if (metadata === undefined) return start + payload.length;
  packed.set(metadata, start + payload.length);
  return start + payload.length + metadata.length;
}

/** The columns in an array of bytes, as parts of it. It begins where its buffer does. */
export function columnsIn(packed: Uint8Array<ArrayBuffer>): AppendColumns {
  const { buffer } = packed;
  const [entryCount, count, size] = new Float64Array(buffer, 0, headColumns) as unknown as [
    number,
    number,
    number,
  ];
  const entriesAt = headColumns * numberBytes;
  const eventsAt = entriesAt + entryColumns * entryCount * numberBytes;
  const bytesAt = eventsAt + eventColumns * count * numberBytes;
  const [ids, tags] = JSON.parse(decoder.decode(packed.subarray(bytesAt + size))) as Texts;
  return {
    ids,
    entries: new Float64Array(buffer, entriesAt, entryColumns * entryCount),
    events: new Float64Array(buffer, eventsAt, eventColumns * count),
    tags,
    bytes: packed.subarray(bytesAt, bytesAt + size),
  };
}
