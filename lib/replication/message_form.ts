/**
 * The bytes of the messages that copies send each other: many messages about shards of one type in one
 * message of the node. What is read is checked, since a peer may be of another version, or hostile; a peer
 * chooses at most as much work as its bytes are long.
 *
 * @module
 */
import { maxName } from "../sharding/routing/message_fields.ts";
import type { BootstrapRecord } from "./bootstrap_record.ts";
import { maxBootstrapStores } from "./bootstrap_record.ts";
import { ByteReader, ByteWriter } from "./byte_form.ts";
import type { LogPosition } from "./log_position.ts";
import {
  maxPreviousSets,
  type ReplicaConfig,
  type ReplicaSet,
  type ReplicaVersion,
  type StoreId,
} from "./replica_config.ts";
import type { CopyState, FillPoint, ReplicationMessage } from "./replication_protocol.ts";
import type { LogEntry } from "./shard_log.ts";

const types = [
  "promiseEpoch",
  "epochPromised",
  "epochRefused",
  "appendLog",
  "logAppended",
  "logGap",
  "storeConfig",
  "configStored",
  "fillCopy",
  "copyFilled",
  "releaseCopy",
  "copyReleased",
] as const satisfies readonly ReplicationMessage["type"][];

/** Stores in a set, at most. */
const maxStores = 64;
/** The longest cursor: a persistence id and a number. */
const maxCursor = 4_096;

/** A message about a shard. */
export interface ShardMessage {
  readonly shard: number;
  readonly message: ReplicationMessage;
}

/** Messages about shards of one type. */
export interface TypeMessages {
  readonly shardType: string;
  readonly messages: readonly ShardMessage[];
}

/** Collects messages to one node about shards of one type. */
export class MessageBatch {
  readonly #writer = new ByteWriter();
  #count = 0;

  /** Bytes so far. */
  get length(): number {
    return this.#writer.length;
  }

  /** Whether nothing was added. */
  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** Adds a message. */
  add(shard: number, message: ReplicationMessage): void {
    this.#count++;
    this.#writer.byte(1);
    this.#writer.count(shard);
    write(this.#writer, message);
  }

  /** All that was added; the next one begins anew. */
  take(shardType: string): Uint8Array {
    this.#writer.byte(0);
    this.#writer.text(shardType);
    this.#count = 0;
    return this.#writer.take();
  }
}

/** The messages; undefined: the value is none. Nothing in them is part of `value`. */
export function parseMessages(value: unknown): TypeMessages | undefined {
  if (!(value instanceof Uint8Array)) return undefined;
  try {
    const reader = new ByteReader(value);
    const messages: ShardMessage[] = [];
    while (reader.byte() === 1) {
      const shard = reader.count();
      messages.push({ shard, message: read(reader) });
    }
    const shardType = shortText(reader, maxName);
    return reader.ended ? { shardType, messages } : undefined;
  } catch (error) {
    // A `TypeError`: a text is not UTF-8.
    if (error instanceof RangeError || error instanceof TypeError) return undefined;
    throw error;
  }
}

function write(writer: ByteWriter, message: ReplicationMessage): void {
  writer.byte(types.indexOf(message.type));
  writer.count(message.epoch);
  switch (message.type) {
    case "promiseEpoch":
      return writeBootstrap(writer, message.bootstrap);
    case "epochPromised":
      writeStore(writer, message.store);
      writeState(writer, message.copy);
      return writeBootstrap(writer, message.bootstrap);
    case "epochRefused":
      return writer.count(message.promised);
    case "appendLog":
      writePosition(writer, message.previous);
      writer.count(message.acked);
      writer.count(message.trim);
      writer.count(message.entries.length);
      for (const { epoch, chain, payload } of message.entries) {
        writer.count(epoch);
        writer.count(chain);
        writer.bytes(payload);
      }
      return;
    case "logAppended":
      writeStore(writer, message.store);
      writer.count(message.generation);
      return writer.count(message.through);
    case "logGap":
      writeStore(writer, message.store);
      writePosition(writer, message.last);
      return writeOptional(writer, message.filling, writePoint);
    case "storeConfig":
      return writeConfig(writer, message.config);
    case "configStored":
      writeStore(writer, message.store);
      return writeVersion(writer, message.version);
    case "fillCopy":
      writer.count(message.generation);
      writePoint(writer, message.point);
      writer.bytes(message.bytes);
      writer.text(message.next);
      return writer.byte(message.done ? 1 : 0);
    case "copyFilled":
      writeStore(writer, message.store);
      writer.count(message.generation);
      writePoint(writer, message.point);
      return writer.byte(message.done ? 1 : 0);
    case "releaseCopy":
      return writer.count(message.generation);
    case "copyReleased":
      writeStore(writer, message.store);
      return writer.count(message.generation);
  }
}

function read(reader: ByteReader): ReplicationMessage {
  const type = types[reader.byte()];
  const epoch = reader.count();
  switch (type) {
    case "promiseEpoch":
      return { type, epoch, bootstrap: readBootstrap(reader) };
    case "epochPromised": {
      const store = readStore(reader);
      const copy = readState(reader);
      return { type, epoch, store, copy, bootstrap: readBootstrap(reader) };
    }
    case "epochRefused":
      return { type, epoch, promised: reader.count() };
    case "appendLog": {
      const previous = readPosition(reader);
      const acked = reader.count();
      const trim = reader.count();
      let { epoch: before, index } = previous;
      const entries = many(reader, Infinity, (): LogEntry => {
        const own = reader.count();
        if (own < before || own > epoch) throw new RangeError("an epoch of a log goes back");
        before = own;
        const chain = reader.count();
        return { epoch: own, index: ++index, chain, payload: reader.bytes().slice() };
      });
      return { type, epoch, previous, entries, acked, trim };
    }
    case "logAppended":
      return {
        type,
        epoch,
        store: readStore(reader),
        generation: reader.count(),
        through: reader.count(),
      };
    case "logGap": {
      const store = readStore(reader);
      const last = readPosition(reader);
      const filling = optional(reader, readPoint);
      return { type, epoch, store, last, ...(filling && { filling }) };
    }
    case "storeConfig": {
      const config = readConfig(reader);
      if (config.version[0] > epoch) throw new RangeError("a configuration of a later epoch");
      return { type, epoch, config };
    }
    case "configStored":
      return { type, epoch, store: readStore(reader), version: readVersion(reader) };
    case "fillCopy": {
      const generation = reader.count();
      const point = readPoint(reader);
      const bytes = reader.bytes().slice();
      const next = shortText(reader, maxCursor);
      return { type, epoch, generation, point, bytes, next, done: reader.byte() === 1 };
    }
    case "copyFilled":
      return {
        type,
        epoch,
        store: readStore(reader),
        generation: reader.count(),
        point: readPoint(reader),
        done: reader.byte() === 1,
      };
    case "releaseCopy":
      return { type, epoch, generation: reader.count() };
    case "copyReleased":
      return { type, epoch, store: readStore(reader), generation: reader.count() };
    case undefined:
      throw new RangeError("the type of a message is not known");
  }
}

function writeStore(writer: ByteWriter, { address, store }: StoreId): void {
  writer.text(address);
  writer.count(store);
}

function readStore(reader: ByteReader): StoreId {
  return { address: shortText(reader, maxName), store: reader.count() };
}

/** The bytes of a position. */
export function writePosition(writer: ByteWriter, { epoch, index, chain }: LogPosition): void {
  writer.count(epoch);
  writer.count(index);
  writer.count(chain);
}

/** @throws {RangeError}. */
export function readPosition(reader: ByteReader): LogPosition {
  return { epoch: reader.count(), index: reader.count(), chain: reader.count() };
}

/** The bytes of a point of a back-fill. */
export function writePoint(writer: ByteWriter, { at, cursor }: FillPoint): void {
  writePosition(writer, at);
  writer.text(cursor);
}

/** @throws {RangeError}. */
export function readPoint(reader: ByteReader): FillPoint {
  return { at: readPosition(reader), cursor: shortText(reader, maxCursor) };
}

function writeVersion(writer: ByteWriter, [epoch, count]: ReplicaVersion): void {
  writer.count(epoch);
  writer.count(count);
}

function readVersion(reader: ByteReader): ReplicaVersion {
  return [reader.count(), reader.count()];
}

function writeStores(writer: ByteWriter, stores: readonly StoreId[]): void {
  writer.count(stores.length);
  for (const store of stores) writeStore(writer, store);
}

/** The bytes of a configuration. */
export function writeConfig(writer: ByteWriter, config: ReplicaConfig): void {
  const { version, previous = [] } = config;
  writeVersion(writer, version);
  writeSet(writer, config);
  writer.count(previous.length);
  for (const set of previous) writeSet(writer, set);
}

function writeSet(writer: ByteWriter, { inSync, minAcks }: ReplicaSet): void {
  writeStores(writer, inSync);
  writer.count(minAcks);
}

function readSet(reader: ByteReader): ReplicaSet {
  const inSync = many(reader, maxStores, readStore);
  if (inSync.length === 0) throw new RangeError("a set without copies");
  return { inSync, minAcks: reader.count() };
}

/** @throws {RangeError}. */
export function readConfig(reader: ByteReader): ReplicaConfig {
  const version = readVersion(reader);
  const set = readSet(reader);
  const previous = many(reader, maxPreviousSets, readSet);
  return { version, ...set, ...(previous.length > 0 && { previous }) };
}

function writeState(writer: ByteWriter, state: CopyState): void {
  const { config, last, acked, generation, filling } = state;
  writeOptional(writer, config, writeConfig);
  writePosition(writer, last);
  writer.count(acked);
  writer.count(generation);
  writeOptional(writer, filling, writePoint);
}

function readState(reader: ByteReader): CopyState {
  const config = optional(reader, readConfig);
  const last = readPosition(reader);
  const acked = reader.count();
  const generation = reader.count();
  const filling = optional(reader, readPoint);
  return { last, acked, generation, ...(config && { config }), ...(filling && { filling }) };
}

/** The bytes of a record. */
export function writeBootstrap(writer: ByteWriter, { stores, closed }: BootstrapRecord): void {
  writer.byte(closed ? 1 : 0);
  writeStores(writer, stores);
}

/** @throws {RangeError}. */
export function readBootstrap(reader: ByteReader): BootstrapRecord {
  const closed = reader.byte() === 1;
  return { closed, stores: many(reader, maxBootstrapStores, readStore) };
}

function writeOptional<T>(
  writer: ByteWriter,
  value: T | undefined,
  writeIt: (writer: ByteWriter, value: T) => void,
): void {
  writer.byte(value === undefined ? 0 : 1);
  if (value !== undefined) writeIt(writer, value);
}

function optional<T>(reader: ByteReader, readIt: (reader: ByteReader) => T): T | undefined {
  return reader.byte() === 0 ? undefined : readIt(reader);
}

function many<T>(reader: ByteReader, most: number, readOne: (reader: ByteReader) => T): T[] {
  const length = reader.length();
  if (length > most) throw new RangeError("a list is too long");
  return Array.from({ length }, () => readOne(reader));
}

function shortText(reader: ByteReader, most: number): string {
  const text = reader.text();
  if (text.length > most) throw new RangeError("a text is too long");
  return text;
}
