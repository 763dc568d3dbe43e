/**
 * Events on their way between threads, as a few large values: hundreds of small objects cost more to
 * send than to read from the file. Pure.
 *
 * @module
 */
import type { StoredEvent } from "../journal.ts";

/** The columns of an {@linkcode EventRow}, of the table `e`. */
export const eventFields =
  "e.seq, e.epoch, e.at, e.version, e.checksum, e.payload, e.metadata, e.tags";

/** A row of the table of events. */
export interface EventRow {
  readonly seq: number;
  readonly epoch: number;
  readonly at: number;
  readonly version: number;
  readonly checksum: number;
  readonly payload: Uint8Array;
  readonly metadata: Uint8Array | null;
  readonly tags: string | null;
}

/** Numbers of an event. */
const columns = 7;
const noMetadata = -1;

/** See the module's text. */
export interface PackedEvents {
  /** By event: number, epoch, time, version, checksum, length of the payload, length of the metadata. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** Payload and metadata of each event, one after the other. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** By event, as JSON. Undefined: no event has tags. */
  readonly tags: readonly (string | null)[] | undefined;
}

/** Packs rows. */
export function packEvents(rows: readonly EventRow[]): PackedEvents {
  let size = 0;
  let hasTags = false;
  for (const { payload, metadata, tags } of rows) {
    size += payload.length + (metadata?.length ?? 0);
    hasTags ||= tags !== null;
  }
  const numbers = new Float64Array(columns * rows.length);
  const bytes = new Uint8Array(size);
  let at = 0;
  let start = 0;
  for (const { seq, epoch, at: time, version, checksum, payload, metadata } of rows) {
    numbers[at++] = seq;
    numbers[at++] = epoch;
    numbers[at++] = time;
    numbers[at++] = version;
    numbers[at++] = checksum;
    numbers[at++] = payload.length;
    numbers[at++] = metadata?.length ?? noMetadata;
    bytes.set(payload, start);
    start += payload.length;
    if (metadata === null) continue;
    bytes.set(metadata, start);
    start += metadata.length;
  }
  return { numbers, bytes, tags: hasTags ? rows.map(({ tags }) => tags) : undefined };
}

/** The events. Their bytes are parts of one array. */
export function unpackEvents({ numbers, bytes, tags }: PackedEvents): StoredEvent[] {
  const events: StoredEvent[] = [];
  let start = 0;
  for (let at = 0; at < numbers.length; at += columns) {
    const payloadEnd = start + numbers[at + 5]!;
    const metadata = numbers[at + 6]!;
    const end = metadata === noMetadata ? payloadEnd : payloadEnd + metadata;
    const text = tags?.[at / columns] ?? null;
    events.push({
      seq: numbers[at]!,
      epoch: numbers[at + 1]!,
      at: numbers[at + 2]!,
      version: numbers[at + 3]!,
      checksum: numbers[at + 4]!,
      payload: bytes.subarray(start, payloadEnd),
      ...(metadata !== noMetadata && { metadata: bytes.subarray(payloadEnd, end) }),
      ...(text !== null && { tags: JSON.parse(text) }),
    });
    start = end;
  }
  return events;
}
