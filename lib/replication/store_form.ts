/**
 * The bytes of what a store of a node keeps of copies.
 *
 * @module
 */
import type { BootstrapRecord } from "./bootstrap_record.ts";
import { ByteReader, ByteWriter } from "./byte_form.ts";
import type { CopyRecord, StoreOperation } from "./copy_record.ts";
import {
  readBootstrap,
  readConfig,
  readPoint,
  readPosition,
  writeBootstrap,
  writeConfig,
  writePoint,
  writePosition,
} from "./message_form.ts";
import type { Retirement } from "./retirement.ts";
import type { LogEntry } from "./shard_log.ts";

const types = [
  "promise",
  "config",
  "bootstrap",
  "entries",
  "cut",
  "trim",
  "reset",
  "chunk",
  "filled",
  "applied",
] as const satisfies readonly StoreOperation["type"][];
const writer = new ByteWriter();

/** The bytes of an operation. A part of a back-fill is in the content: only its cursor is kept. */
export function encodeStoreOperation(operation: StoreOperation): Uint8Array {
  writer.byte(types.indexOf(operation.type));
  switch (operation.type) {
    case "promise":
      writer.count(operation.epoch);
      break;
    case "config":
      writeConfig(writer, operation.config);
      break;
    case "bootstrap":
      writeBootstrap(writer, operation.record);
      break;
    case "entries":
      writeEntries(operation.entries);
      break;
    case "cut":
      writer.count(operation.after);
      break;
    case "trim":
    case "applied":
      writer.count(operation.upTo);
      break;
    case "reset":
      writePosition(writer, operation.at);
      break;
    case "chunk":
      writer.text(operation.cursor);
      break;
    case "filled":
      break;
  }
  return writer.take();
}

/** @throws {RangeError} the bytes are those of no operation. */
export function decodeStoreOperation(bytes: Uint8Array): StoreOperation {
  const reader = new ByteReader(bytes);
  const type = types[reader.byte()];
  switch (type) {
    case "promise":
      return { type, epoch: reader.count() };
    case "config":
      return { type, config: readConfig(reader) };
    case "bootstrap":
      return { type, record: readBootstrap(reader) };
    case "entries":
      return { type, entries: readEntries(reader) };
    case "cut":
      return { type, after: reader.count() };
    case "trim":
    case "applied":
      return { type, upTo: reader.count() };
    case "reset":
      return { type, at: readPosition(reader) };
    case "chunk":
      return { type, cursor: reader.text(), bytes: new Uint8Array() };
    case "filled":
      return { type };
    case undefined:
      throw new RangeError("the type of an operation is not known");
  }
}

/** The bytes of a copy. */
export function encodeRecord(record: CopyRecord): Uint8Array {
  const { promised, config, base, entries, acked, generation, filling } = record;
  writer.count(promised);
  writer.byte((config === undefined ? 0 : 1) + (filling === undefined ? 0 : 2));
  if (config !== undefined) writeConfig(writer, config);
  if (filling !== undefined) writePoint(writer, filling);
  writePosition(writer, base);
  writer.count(acked);
  writer.count(generation);
  writeEntries(entries);
  return writer.take();
}

/** @throws {RangeError} the bytes are those of no copy. */
export function decodeRecord(bytes: Uint8Array): CopyRecord {
  const reader = new ByteReader(bytes);
  const promised = reader.count();
  const has = reader.byte();
  const config = (has & 1) === 0 ? undefined : readConfig(reader);
  const filling = (has & 2) === 0 ? undefined : readPoint(reader);
  const base = readPosition(reader);
  const acked = reader.count();
  const generation = reader.count();
  const entries = readEntries(reader);
  return {
    promised,
    base,
    entries,
    acked,
    generation,
    ...(config && { config }),
    ...(filling && { filling }),
  };
}

/** The bytes of a record of how shards began. */
export function encodeBootstrap(record: BootstrapRecord): Uint8Array {
  writeBootstrap(writer, record);
  return writer.take();
}

/** @throws {RangeError}. */
export function decodeBootstrap(bytes: Uint8Array): BootstrapRecord {
  return readBootstrap(new ByteReader(bytes));
}

/** The bytes of what a person has said of a node. */
export function encodeRetirement({ address, until }: Retirement): Uint8Array {
  writer.text(address);
  writer.count(until);
  return writer.take();
}

/** @throws {RangeError}. */
export function decodeRetirement(bytes: Uint8Array): Retirement {
  const reader = new ByteReader(bytes);
  return { address: reader.text(), until: reader.count() };
}

/** The bytes of persistence ids. */
export function encodeIds(ids: readonly string[]): Uint8Array {
  writer.count(ids.length);
  for (const id of ids) writer.text(id);
  return writer.take();
}

/** @throws {RangeError}. */
export function decodeIds(bytes: Uint8Array): string[] {
  const reader = new ByteReader(bytes);
  return Array.from({ length: reader.length() }, () => reader.text());
}

function writeEntries(entries: readonly LogEntry[]): void {
  writer.count(entries.length);
  for (const { epoch, index, chain, payload } of entries) {
    writePosition(writer, { epoch, index, chain });
    writer.bytes(payload);
  }
}

function readEntries(reader: ByteReader): LogEntry[] {
  return Array.from({ length: reader.length() }, () => {
    const { epoch, index, chain } = readPosition(reader);
    return { epoch, index, chain, payload: reader.bytes().slice() };
  });
}
