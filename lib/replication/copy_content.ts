/**
 * What the log of a shard has made at one copy: a journal with the durable actors of the shard.
 *
 * @module
 */
import { PersistenceError } from "../persistence/errors.ts";
import type { AppendEntry, Journal, LogHead } from "../persistence/journal.ts";
import type { CopyableJournal, LogPart } from "../persistence/copyable_journal.ts";
import { decodeParts, encodeParts } from "./log_form.ts";
import { applyOperation, type LogOperation } from "./log_operation.ts";

/** A part of a back-fill. */
export interface FillPart {
  readonly bytes: Uint8Array;
  /** The cursor behind it. */
  readonly next: string;
  /** It is the last one. */
  readonly done: boolean;
}

/** Keeps which ids a shard has. */
export interface IdStore {
  note(ids: readonly string[]): Promise<void>;
  clear(): Promise<void>;
}

/** Separates the id from the number of an event in a cursor; no id has it. */
const separator = "\0";

/** See the module's text. Calls must not overlap, but for reading. */
export class CopyContent {
  readonly #journal: CopyableJournal;
  /** The ids of the shard. */
  readonly #ids: Set<string>;
  readonly #idStore: IdStore | undefined;
  #sorted: readonly string[] | undefined;

  /**
   * @param ids that it has.
   * @param idStore keeps them where the journal has the content of other shards as well.
   */
  constructor(journal: CopyableJournal, ids: readonly string[] = [], idStore?: IdStore) {
    this.#journal = journal;
    this.#ids = new Set(ids);
    this.#idStore = idStore;
  }

  /** For reading. */
  get journal(): Journal {
    return this.#journal;
  }

  /** All ids. */
  get ids(): ReadonlySet<string> {
    return this.#ids;
  }

  /** What decides about the next append to an id. */
  head(id: string): Promise<LogHead> {
    return this.#journal.head(id);
  }

  /**
   * Carries out writes of the log, in order. Those that were carried out before change nothing: a store that
   * has restarted starts from an earlier one.
   */
  async apply(operations: readonly LogOperation[]): Promise<void> {
    await this.#addIds(
      operations.flatMap((operation) => operation.type === "open" ? operation.id : []),
    );
    let appends: AppendEntry[] = [];
    const flush = async () => {
      if (appends.length === 0) return;
      const entries = appends;
      appends = [];
      await this.#journal.append(entries);
    };
    for (const operation of operations) {
      if (operation.type === "append") {
        appends.push(...operation.entries);
        continue;
      }
      await flush();
      await this.#applyOne(operation);
    }
    await flush();
  }

  async #applyOne(operation: LogOperation): Promise<void> {
    if (operation.type === "saveSnapshot" || operation.type === "delete") {
      // What has come since was made on top of it.
      const { lastSeq } = await this.#journal.head(operation.id);
      if (lastSeq !== operation.lastSeq) return;
    }
    try {
      await applyOperation(this.#journal, operation);
    } catch (error) {
      // A later one was carried out before: this one, too.
      if (!(error instanceof PersistenceError) || error.code !== "fenced") throw error;
    }
  }

  async #addIds(ids: readonly string[]): Promise<void> {
    const added = [...new Set(ids)].filter((id) => !this.#ids.has(id));
    if (added.length === 0) return;
    await this.#idStore?.note(added);
    for (const id of added) this.#ids.add(id);
  }

  /** The part of all content after a cursor; about `maxBytes`, more if one event has more. */
  async read(cursor: string, maxBytes: number): Promise<FillPart> {
    if (cursor === "" || this.#sorted === undefined) this.#sorted = [...this.#ids].sort();
    const ids = this.#sorted;
    const [from = "", seq] = cursor.split(separator);
    let at = lowerBound(ids, from);
    if (seq === undefined && ids[at] === from) at++;
    let after = seq === undefined ? 0 : Number(seq);
    const parts: LogPart[] = [];
    let bytes = 0;
    let next = cursor;
    while (at < ids.length && bytes < maxBytes) {
      const id = ids[at]!;
      const part = await this.#journal.exportLog(id, after, maxBytes - bytes);
      if (part !== undefined) {
        parts.push(part);
        bytes += sizeOf(part);
      }
      const isWhole = part === undefined || part.rest !== undefined;
      next = isWhole ? id : `${id}${separator}${part.events.at(-1)!.seq}`;
      if (!isWhole) break;
      after = 0;
      at++;
    }
    const done = at >= ids.length;
    if (done) this.#sorted = undefined;
    return { bytes: encodeParts(parts), next, done };
  }

  /** Stores a part. @throws {RangeError} the bytes are those of no part. */
  async write(bytes: Uint8Array): Promise<void> {
    const parts = decodeParts(bytes);
    await this.#addIds(parts.map(({ id }) => id));
    for (const part of parts) await this.#journal.importLog(part);
  }

  /** Removes all. */
  async reset(): Promise<void> {
    this.#sorted = undefined;
    await this.#journal.forget([...this.#ids]);
    await this.#idStore?.clear();
    this.#ids.clear();
  }
}

function sizeOf({ id, events, rest }: LogPart): number {
  let bytes = id.length + 50;
  for (const { payload, metadata } of events) {
    bytes += payload.length + (metadata?.length ?? 0) + 50;
  }
  for (const { payload } of rest?.snapshots ?? []) bytes += payload.length + 50;
  return bytes;
}

/** The first index whose id is not less. */
function lowerBound(ids: readonly string[], id: string): number {
  let [low, high] = [0, ids.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ids[middle]! < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
