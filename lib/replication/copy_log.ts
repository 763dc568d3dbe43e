/**
 * The copies of a type in a store of their node: the operations of each shard are events of one id, with a
 * snapshot now and then. The content of the shards is in the same store.
 *
 * @module
 */
import { crc32c } from "../persistence/crc32c.ts";
import { PersistenceError } from "../persistence/errors.ts";
import type { CopyableJournal } from "../persistence/copyable_journal.ts";
import type { NewEvent } from "../persistence/journal.ts";
import { type BootstrapRecord, noBootstrap } from "./bootstrap_record.ts";
import { ByteReader, ByteWriter } from "./byte_form.ts";
import { type CopyRecord, noCopy, type StoreOperation } from "./copy_record.ts";
import { CopyMirror } from "./copy_mirror.ts";
import type { Retirement } from "./retirement.ts";
import {
  decodeBootstrap,
  decodeIds,
  decodeRecord,
  decodeRetirement,
  decodeStoreOperation,
  encodeBootstrap,
  encodeIds,
  encodeRecord,
  encodeRetirement,
  encodeStoreOperation,
} from "./store_form.ts";

/** Operations and bytes behind a snapshot from which on there is another one. */
const maxTailOperations = 5_000;
const maxTailBytes = 8 * 1_048_576;
/** Copies that are read at a time: their commits share waits for the disk. */
const readAtOnce = 8;

/** A copy as it was stored. */
export interface StoredCopy {
  readonly shard: number;
  readonly record: CopyRecord;
  /** The ids of its content. */
  readonly ids: readonly string[];
}

/** What a store has of a type. */
export interface StoredType {
  /** The number of the store. */
  readonly store: number;
  readonly bootstrap: BootstrapRecord;
  readonly copies: readonly StoredCopy[];
  /** What persons have said of other nodes, the oldest first. */
  readonly retirements: readonly Retirement[];
}

/** Events of one id, written by this process alone. */
class Appender {
  readonly #journal: CopyableJournal;
  readonly #id: string;
  readonly #wallTime: () => number;
  #opened: { readonly epoch: number } | undefined;
  /** The end of the append that was called last. */
  #last: Promise<void> = Promise.resolve();
  lastSeq = 0;

  constructor(journal: CopyableJournal, id: string, wallTime: () => number) {
    this.#journal = journal;
    this.#id = id;
    this.#wallTime = wallTime;
  }

  /** Takes the id over from an earlier process. */
  async open(): Promise<{ readonly epoch: number }> {
    if (this.#opened === undefined) {
      const { epoch, lastSeq } = await this.#journal.open(this.#id, undefined);
      this.#opened = { epoch };
      this.lastSeq = lastSeq;
    }
    return this.#opened;
  }

  /** All that is stored, the oldest first, from a snapshot on. */
  async load(
    onSnapshot: (bytes: Uint8Array) => void,
    onEvent: (bytes: Uint8Array) => void,
  ): Promise<void> {
    const snapshot = await this.#journal.loadSnapshot(this.#id);
    if (snapshot !== undefined) onSnapshot(this.#checked(snapshot));
    const from = (snapshot?.seq ?? 0) + 1;
    for await (const event of this.#journal.read(this.#id, { from })) onEvent(this.#checked(event));
  }

  /** One at a time: each needs the number of the one before. All shards of a type share an appender. */
  append(payloads: readonly Uint8Array[]): Promise<void> {
    const appended = this.#last.then(() => this.#append(payloads)).catch((error) => {
      // It may be stored all the same: then the number of the next one is another.
      this.#opened = undefined;
      throw error;
    });
    // What fails is told to its caller; the next one does not fail for it.
    this.#last = appended.catch(() => {});
    return appended;
  }

  async #append(payloads: readonly Uint8Array[]): Promise<void> {
    const { epoch } = await this.open();
    const at = this.#wallTime();
    const events: NewEvent[] = payloads.map((payload) => ({
      payload,
      version: 0,
      at,
      checksum: crc32c(payload),
    }));
    const [result] = await this.#journal.append([
      { id: this.#id, expectedSeq: this.lastSeq, epoch, events },
    ]);
    if (result!.outcome === "appended") {
      this.lastSeq = result!.lastSeq;
      return;
    }
    if (result!.outcome === "conflict") {
      throw new PersistenceError("outcomeUnknown", `${this.#id}: an earlier write came late`, {
        value: this.#id,
        remedy: "none: the copy is read again",
      });
    }
    throw new PersistenceError("fenced", `${this.#id}: another process uses the store`, {
      value: this.#id,
      remedy: "give each node a store of its own",
    });
  }

  /** Stores all up to now in one value, and forgets the events. */
  async compact(payload: Uint8Array): Promise<void> {
    const { epoch } = await this.open();
    const seq = this.lastSeq;
    const snapshot = {
      seq,
      epoch,
      at: this.#wallTime(),
      version: 0,
      payload,
      checksum: crc32c(payload),
    };
    await this.#journal.saveSnapshot(this.#id, snapshot, 1);
    await this.#journal.deleteEvents(this.#id, seq, epoch);
  }

  #checked({ payload, checksum }: Pick<NewEvent, "payload" | "checksum">): Uint8Array {
    if (crc32c(payload) === checksum) return payload;
    throw new PersistenceError("corruptEvent", `${this.#id}: what is stored is corrupt`, {
      value: this.#id,
      remedy: "replace the disk: a node with an empty store gets its copies again",
    });
  }
}

interface ShardFile {
  readonly operations: Appender;
  readonly ids: Appender;
  readonly mirror: CopyMirror;
  tailOperations: number;
  tailBytes: number;
}

/** See the module's text. */
export class CopyLog {
  readonly journal: CopyableJournal;
  readonly #shardType: string;
  readonly #wallTime: () => number;
  readonly #type: Appender;
  /** What persons have said of other nodes, which has nothing to do with how shards began. */
  readonly #retirements: Appender;
  readonly #shards = new Map<number, ShardFile>();

  constructor(journal: CopyableJournal, shardType: string, wallTime: () => number) {
    this.journal = journal;
    this.#shardType = shardType;
    this.#wallTime = wallTime;
    this.#type = new Appender(journal, `_type|${shardType}`, wallTime);
    this.#retirements = new Appender(journal, `_retired|${shardType}`, wallTime);
  }

  /** What the store has; of a new one, a number. Called first, until it succeeds. */
  async load(numShards: number): Promise<StoredType> {
    // An earlier attempt may have read a part.
    this.#shards.clear();
    let store: number | undefined;
    let bootstrap = noBootstrap;
    await this.#type.open();
    await this.#type.load(() => {}, (bytes) => {
      const reader = new ByteReader(bytes);
      if (store === undefined) store = reader.count();
      else bootstrap = decodeBootstrap(bytes);
    });
    if (store === undefined) {
      store = Math.floor(this.#wallTime());
      const writer = new ByteWriter();
      writer.count(store);
      await this.#type.append([writer.take()]);
    }
    const copies: StoredCopy[] = [];
    for (let first = 0; first < numShards; first += readAtOnce) {
      const count = Math.min(readAtOnce, numShards - first);
      const reads = Array.from({ length: count }, (_, n) => this.#loadShard(first + n));
      // None goes on when this has failed.
      await Promise.allSettled(reads);
      for (const copy of await Promise.all(reads)) if (copy !== undefined) copies.push(copy);
    }
    const retirements: Retirement[] = [];
    await this.#retirements.open();
    await this.#retirements.load(() => {}, (bytes) => retirements.push(decodeRetirement(bytes)));
    return { store, bootstrap, copies, retirements };
  }

  /** Reads the copy of a shard again, after a write of which nobody knows whether it was stored. */
  async reload(shard: number): Promise<StoredCopy> {
    this.#shards.delete(shard);
    return await this.#loadShard(shard) ?? { shard, record: noCopy, ids: [] };
  }

  async #loadShard(shard: number): Promise<StoredCopy | undefined> {
    const { lastSeq } = await this.journal.head(this.#operationsId(shard));
    if (lastSeq === 0) return undefined;
    const file = this.#file(shard);
    const { operations, ids, mirror } = file;
    await operations.open();
    await operations.load(
      (bytes) => mirror.restore(decodeRecord(bytes)),
      (bytes) => {
        mirror.apply(decodeStoreOperation(bytes));
        file.tailOperations++;
        file.tailBytes += bytes.length;
      },
    );
    await ids.open();
    const found: string[] = [];
    await ids.load(() => {}, (bytes) => found.push(...decodeIds(bytes)));
    return { shard, record: mirror.record, ids: found };
  }

  /** Stores how shards of the type have begun. */
  async saveBootstrap(record: BootstrapRecord): Promise<void> {
    await this.#type.append([encodeBootstrap(record)]);
  }

  /** Stores what a person has said of a node. */
  async saveRetirement(retirement: Retirement): Promise<void> {
    await this.#retirements.append([encodeRetirement(retirement)]);
  }

  /** Makes operations durable, in order. One call for a shard at a time. */
  async write(shard: number, operations: readonly StoreOperation[]): Promise<void> {
    const file = this.#file(shard);
    const payloads: Uint8Array[] = [];
    for (const operation of operations) {
      if (operation.type === "bootstrap") await this.saveBootstrap(operation.record);
      else payloads.push(encodeStoreOperation(operation));
    }
    if (payloads.length === 0) return;
    await file.operations.append(payloads);
    for (const operation of operations) file.mirror.apply(operation);
    file.tailOperations += payloads.length;
    for (const { length } of payloads) file.tailBytes += length;
    if (file.tailOperations < maxTailOperations && file.tailBytes < maxTailBytes) return;
    file.tailOperations = file.tailBytes = 0;
    await file.operations.compact(encodeRecord(file.mirror.record));
  }

  /** The content of a shard has more ids. */
  async noteIds(shard: number, ids: readonly string[]): Promise<void> {
    await this.#file(shard).ids.append([encodeIds(ids)]);
  }

  /** The content of a shard has no ids any more. */
  async clearIds(shard: number): Promise<void> {
    const { ids } = this.#file(shard);
    await ids.open();
    if (ids.lastSeq > 0) await ids.compact(new Uint8Array());
  }

  #operationsId(shard: number): string {
    return `_copy|${this.#shardType}/${shard}`;
  }

  #file(shard: number): ShardFile {
    let file = this.#shards.get(shard);
    if (file === undefined) {
      const appender = (id: string) => new Appender(this.journal, id, this.#wallTime);
      file = {
        operations: appender(this.#operationsId(shard)),
        ids: appender(`_ids|${this.#shardType}/${shard}`),
        mirror: new CopyMirror(noCopy),
        tailOperations: 0,
        tailBytes: 0,
      };
      this.#shards.set(shard, file);
    }
    return file;
  }
}
