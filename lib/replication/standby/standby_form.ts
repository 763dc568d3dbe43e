/**
 * The bytes of what an owner sends its hot standbys, in the lane of replication. Nothing is acknowledged, and
 * no event is sent twice: numbers show a standby what it lacks, and the database has it.
 *
 * @module
 */
import { maxNumShards } from "../../options/tables/sharding_tables.ts";
import { maxPersistenceId } from "../../persistence/persistence_id.ts";
import type { AppendEntry } from "../../persistence/journal.ts";
import { isName } from "../../sharding/routing/message_fields.ts";
import { ByteReader, ByteWriter } from "../byte_form.ts";
import { decodeOperation, encodeOperation } from "../log_form.ts";

/** Owner to standby, but `following`. */
export type FeedItem =
  /** The sender owns the shard by this grant; the receiver stands by for it. Repeated. */
  | { readonly type: "follow"; readonly shard: number; readonly epoch: number }
  /** Standby to owner: it does so from now on, and lacks the ids of what runs. */
  | { readonly type: "following"; readonly shard: number; readonly epoch: number }
  /** The receiver does so no more. */
  | { readonly type: "release"; readonly shard: number }
  /** An entity runs at the owner; its last event has this number. */
  | { readonly type: "running"; readonly id: string; readonly seq: number }
  /** Events that are in the database. */
  | { readonly type: "append"; readonly entries: readonly AppendEntry[] }
  /** A snapshot of an entity is in the database. */
  | { readonly type: "saved"; readonly id: string; readonly seq: number }
  /** All events of an entity were deleted. */
  | { readonly type: "forget"; readonly id: string };

/** Items about one type. */
export interface TypeFeed {
  readonly shardType: string;
  readonly items: readonly FeedItem[];
}

const types = [
  "follow",
  "following",
  "release",
  "running",
  "append",
  "saved",
  "forget",
] as const satisfies readonly FeedItem["type"][];
/** The first byte; messages of copies begin with 0 or 1. */
const feedMark = 2;
const end = 255;

/** The bytes of events, for any number of standbys. */
export function feedBytes(entry: AppendEntry): Uint8Array {
  return encodeOperation({ type: "append", entries: [entry] });
}

/** Collects items for one node about one type. */
export class FeedBatch {
  readonly #writer = new ByteWriter();

  /** Bytes so far. */
  get length(): number {
    return this.#writer.length;
  }

  /** Whether nothing was added. */
  get isEmpty(): boolean {
    return this.#writer.length === 0;
  }

  /** Adds an item without events. */
  add(item: Exclude<FeedItem, { readonly type: "append" }>): void {
    const writer = this.#begin(item.type);
    switch (item.type) {
      case "follow":
      case "following":
        writer.count(item.shard);
        return writer.count(item.epoch);
      case "release":
        return writer.count(item.shard);
      case "forget":
        return writer.text(item.id);
      default:
        writer.text(item.id);
        writer.count(item.seq);
    }
  }

  /** Adds what `feedBytes` has made. */
  addAppend(bytes: Uint8Array): void {
    this.#begin("append").bytes(bytes);
  }

  /** All that was added; the next one begins anew. */
  take(shardType: string): Uint8Array {
    this.#writer.byte(end);
    this.#writer.text(shardType);
    return this.#writer.take();
  }

  #begin(type: FeedItem["type"]): ByteWriter {
    const writer = this.#writer;
    if (writer.length === 0) writer.byte(feedMark);
    writer.byte(types.indexOf(type));
    return writer;
  }
}

/** Whether a message in the lane of replication is one for a standby. */
export function isFeed(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value[0] === feedMark;
}

/** The items; undefined: the value is none. Nothing in them is part of `value`. */
export function parseFeed(value: Uint8Array): TypeFeed | undefined {
  try {
    const reader = new ByteReader(value);
    reader.byte();
    const items: FeedItem[] = [];
    for (let type = reader.byte(); type !== end; type = reader.byte()) {
      items.push(readItem(reader, types[type]));
    }
    const shardType = reader.text();
    return reader.ended && isName(shardType) ? { shardType, items } : undefined;
  } catch (error) {
    // A `TypeError`: a text is not UTF-8.
    if (error instanceof RangeError || error instanceof TypeError) return undefined;
    throw error;
  }
}

function readItem(reader: ByteReader, type: FeedItem["type"] | undefined): FeedItem {
  switch (type) {
    case "follow":
    case "following":
      return { type, shard: readShard(reader), epoch: reader.count() };
    case "release":
      return { type, shard: readShard(reader) };
    case "running":
    case "saved":
      return { type, id: readId(reader), seq: reader.count() };
    case "forget":
      return { type, id: readId(reader) };
    case "append": {
      const operation = decodeOperation(reader.bytes().slice());
      if (operation.type !== "append") throw new RangeError("these are no events");
      if (operation.entries.some(({ id, events }) => !isId(id) || events.length === 0)) {
        throw new RangeError("an id is too long, or there are no events");
      }
      return { type, entries: operation.entries };
    }
    case undefined:
      throw new RangeError("the type of an item is not known");
  }
}

function readShard(reader: ByteReader): number {
  const shard = reader.count();
  if (shard >= maxNumShards) throw new RangeError("there is no such shard");
  return shard;
}

function readId(reader: ByteReader): string {
  const id = reader.text();
  if (!isId(id)) throw new RangeError("an id is too long");
  return id;
}

function isId(id: string): boolean {
  return id.length > 0 && id.length <= maxPersistenceId;
}
