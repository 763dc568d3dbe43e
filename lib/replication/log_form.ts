/**
 * The bytes of writes in the log of a shard, and of the parts of a back-fill.
 *
 * @module
 */
import type { LogPart, LogRest } from "../persistence/copyable_journal.ts";
import type { AppendEntry, NewEvent, StoredEvent, StoredSnapshot } from "../persistence/journal.ts";
import { ByteReader, ByteWriter } from "./byte_form.ts";
import type { LogOperation } from "./log_operation.ts";

const types = ["open", "append", "saveSnapshot", "deleteEvents", "delete"] as const;
const writer = new ByteWriter();

/** The bytes of a write. */
export function encodeOperation(operation: LogOperation): Uint8Array {
  writer.byte(types.indexOf(operation.type));
  switch (operation.type) {
    case "open":
      writer.text(operation.id);
      writer.count(operation.epoch);
      break;
    case "delete":
      writer.text(operation.id);
      writer.count(operation.epoch);
      writer.count(operation.lastSeq);
      break;
    case "append":
      writer.count(operation.entries.length);
      for (const entry of operation.entries) writeEntry(entry);
      break;
    case "saveSnapshot":
      writer.text(operation.id);
      writer.count(operation.keep);
      writer.count(operation.lastSeq);
      writeSnapshot(operation.snapshot);
      break;
    case "deleteEvents":
      writer.text(operation.id);
      writer.count(operation.upTo);
      writer.count(operation.epoch);
  }
  return writer.take();
}

/**
 * A write. Payloads are parts of `bytes`.
 *
 * @throws {RangeError} the bytes are those of no write.
 */
export function decodeOperation(bytes: Uint8Array): LogOperation {
  const reader = new ByteReader(bytes);
  const operation = readOperation(reader);
  if (!reader.ended) throw new RangeError("bytes are left");
  return operation;
}

function readOperation(reader: ByteReader): LogOperation {
  const type = types[reader.byte()];
  switch (type) {
    case "open":
      return { type, id: reader.text(), epoch: reader.count() };
    case "delete":
      return { type, id: reader.text(), epoch: reader.count(), lastSeq: reader.count() };
    case "append":
      return { type, entries: readMany(reader, readEntry) };
    case "saveSnapshot": {
      const id = reader.text();
      const keep = reader.count();
      const lastSeq = reader.count();
      return { type, id, keep, lastSeq, snapshot: readSnapshot(reader) };
    }
    case "deleteEvents":
      return { type, id: reader.text(), upTo: reader.count(), epoch: reader.count() };
    case undefined:
      throw new RangeError("the type of a write is not known");
  }
}

/** The bytes of parts of logs. */
export function encodeParts(parts: readonly LogPart[]): Uint8Array {
  writer.count(parts.length);
  for (const { id, after, events, rest } of parts) {
    writer.text(id);
    writer.count(after);
    writer.count(events.length);
    for (const event of events) {
      writer.count(event.seq);
      writer.count(event.epoch);
      writeEvent(event);
    }
    writer.byte(rest === undefined ? 0 : 1);
    if (rest !== undefined) writeRest(rest);
  }
  return writer.take();
}

/**
 * Parts of logs. Payloads are parts of `bytes`.
 *
 * @throws {RangeError} the bytes are those of no parts.
 */
export function decodeParts(bytes: Uint8Array): LogPart[] {
  const reader = new ByteReader(bytes);
  const parts = readMany(reader, () => {
    const id = reader.text();
    const after = reader.count();
    const events = readMany(reader, () => {
      const seq = reader.count();
      const epoch = reader.count();
      return { ...readEvent(reader), seq, epoch } as StoredEvent;
    });
    return { id, after, events, rest: reader.byte() === 0 ? undefined : readRest(reader) };
  });
  if (!reader.ended) throw new RangeError("bytes are left");
  return parts;
}

function writeEntry({ id, expectedSeq, epoch, events, wake }: AppendEntry): void {
  writer.text(id);
  writer.count(expectedSeq);
  writer.count(epoch);
  writer.byte(wake === undefined ? 0 : wake === null ? 1 : 2);
  if (typeof wake === "number") writer.number(wake);
  writer.count(events.length);
  for (const event of events) writeEvent(event);
}

function readEntry(reader: ByteReader): AppendEntry {
  const id = reader.text();
  const expectedSeq = reader.count();
  const epoch = reader.count();
  const kind = reader.byte();
  const wake = kind === 0 ? undefined : kind === 1 ? null : reader.number();
  const events = readMany(reader, readEvent);
  return { id, expectedSeq, epoch, events, ...(wake !== undefined && { wake }) };
}

function writeEvent({ payload, metadata, version, at, checksum, tags }: NewEvent): void {
  writer.bytes(payload);
  writer.count(version);
  writer.number(at);
  writer.count(checksum);
  writer.byte((metadata === undefined ? 0 : 1) + (tags === undefined ? 0 : 2));
  if (metadata !== undefined) writer.bytes(metadata);
  if (tags === undefined) return;
  writer.count(tags.length);
  for (const tag of tags) writer.text(tag);
}

function readEvent(reader: ByteReader): NewEvent {
  const payload = reader.bytes();
  const version = reader.count();
  const at = reader.number();
  const checksum = reader.count();
  const has = reader.byte();
  const metadata = (has & 1) === 0 ? undefined : reader.bytes();
  const tags = (has & 2) === 0 ? undefined : readMany(reader, () => reader.text());
  return {
    payload,
    version,
    at,
    checksum,
    ...(metadata && { metadata }),
    ...(tags && { tags }),
  };
}

function writeSnapshot(snapshot: StoredSnapshot): void {
  writer.count(snapshot.seq);
  writer.count(snapshot.epoch);
  writeEvent(snapshot);
}

function readSnapshot(reader: ByteReader): StoredSnapshot {
  const seq = reader.count();
  const epoch = reader.count();
  const { tags: _, ...rest } = readEvent(reader);
  return { seq, epoch, ...rest };
}

function writeRest({ epoch, lastSeq, wake, snapshots }: LogRest): void {
  writer.count(epoch);
  writer.count(lastSeq);
  writer.byte(wake === undefined ? 0 : 1);
  if (wake !== undefined) writer.number(wake);
  writer.count(snapshots.length);
  for (const snapshot of snapshots) writeSnapshot(snapshot);
}

function readRest(reader: ByteReader): LogRest {
  const epoch = reader.count();
  const lastSeq = reader.count();
  const wake = reader.byte() === 0 ? undefined : reader.number();
  return { epoch, lastSeq, wake, snapshots: readMany(reader, readSnapshot) };
}

function readMany<T>(reader: ByteReader, readOne: (reader: ByteReader) => T): T[] {
  return Array.from({ length: reader.length() }, () => readOne(reader));
}
