/**
 * The journal that the durable entities of one replicated shard see at its owner. Writes are judged here, go
 * into the log of the shard, and count as durable when the log says that they are acknowledged.
 *
 * @module
 */
import type { Clock } from "../runtime/clock.ts";
import { PersistenceError } from "../persistence/errors.ts";
import {
  type AppendEntry,
  type AppendResult,
  claimOf,
  type DueLog,
  type Journal,
  judgeAppend,
  judgeOpen,
  type OpenedLog,
  type ReadDueOptions,
  type ReadOptions,
  type ReadSlicesOptions,
  type SlicePage,
  type StoredEvent,
  type StoredSnapshot,
} from "../persistence/journal.ts";
import { fenced } from "../persistence/journal_errors.ts";
import type { CopyContent } from "./copy_content.ts";
import { encodeOperation } from "./log_form.ts";
import type { LogOperation } from "./log_operation.ts";

/** Bytes of payloads in one entry of the log, about. */
const maxEntryBytes = 48 * 1_024;
/** Milliseconds that an id waits for its shard to open. */
const openTimeout = 5_000;

/** What the journal needs of its shard. */
export interface ShardJournalPort {
  readonly name: string;
  readonly clock: Clock;
  readonly content: CopyContent;
  /** Appends to the log; 0: it takes nothing now. */
  propose(payload: Uint8Array): number;
  /** Stores and sends what was appended. */
  flush(): void;
  /** Why the shard does not take writes. */
  waitsFor(): string;
}

/** The last number and the highest epoch of an id, with all that is under way. */
interface Head {
  epoch: number;
  lastSeq: number;
  /** The entry of the log that has changed it last. */
  index: number;
}

/** A write that is no append, before its place in the log is known. */
type OtherWrite =
  | Extract<LogOperation, { readonly type: "open" | "deleteEvents" }>
  | Omit<Extract<LogOperation, { readonly type: "saveSnapshot" }>, "lastSeq">
  | Omit<Extract<LogOperation, { readonly type: "delete" }>, "lastSeq">;

/** A write that waits for its turn to be judged. */
interface Call {
  /** Of an append: the entries; else the operation. */
  readonly entries: readonly AppendEntry[] | undefined;
  readonly operation: OtherWrite | undefined;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/** Writes that wait for an acknowledgement. */
interface Pending {
  readonly index: number;
  readonly done: () => void;
  readonly fail: (error: unknown) => void;
}

/** Something that waits until the content has an entry. */
interface ApplyWait {
  readonly index: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

type Grant =
  /** It is not known yet whether the shard opens. */
  | { readonly state: "opening"; readonly epoch: number }
  | { readonly state: "open"; readonly epoch: number; readonly index: number }
  | { readonly state: "closed"; readonly why: string };

/** See the module's text. */
export class ShardJournal implements Journal {
  readonly name: string;
  readonly #port: ShardJournalPort;
  #grant: Grant = { state: "closed", why: "it is not granted to this node" };
  /** Of all ids that were opened under this grant. */
  #heads = new Map<string, Head>();
  #calls: Call[] = [];
  #isDeferred = false;
  /** In the order of their indexes. */
  #pending: Pending[] = [];
  #lastIndex = 0;
  #acked = 0;
  #applied = 0;
  #applyWaits: ApplyWait[] = [];
  #openWaits = new Set<PromiseWithResolvers<void>>();

  constructor(port: ShardJournalPort) {
    this.name = port.name;
    this.#port = port;
  }

  // What the shard says.

  /** The shard was granted to this node. */
  granted(epoch: number): void {
    this.#endAll(this.#unavailable("it was granted anew"));
    this.#grant = { state: "opening", epoch };
  }

  /** The log takes entries. What an id reads has all before `index`. */
  opened(epoch: number, index: number): void {
    this.#grant = { state: "open", epoch, index };
    this.#lastIndex = index;
    this.#acked = index;
    for (const { resolve } of this.#openWaits) resolve();
    this.#openWaits.clear();
  }

  /** Enough copies have all up to an index. */
  acknowledged(upTo: number): void {
    if (upTo > this.#acked) this.#acked = upTo;
    let count = 0;
    while (count < this.#pending.length && this.#pending[count]!.index <= upTo) count++;
    for (const { done } of this.#pending.splice(0, count)) done();
  }

  /** Whether all up to an index is kept cannot be said. */
  unknown(upTo: number, reason: "ackTimeout" | "closed"): void {
    let count = 0;
    while (count < this.#pending.length && this.#pending[count]!.index <= upTo) count++;
    if (count === 0) return;
    const error = this.#outcomeUnknown(
      reason === "ackTimeout"
        ? "too few copies have answered within ackTimeout"
        : "another node owns the shard now",
    );
    for (const { fail } of this.#pending.splice(0, count)) fail(error);
  }

  /** Nothing is taken any more. */
  closed(why: string): void {
    if (this.#grant.state === "closed") return;
    this.#grant = { state: "closed", why };
    this.#endAll(this.#unavailable(why));
  }

  /** Nothing will be taken under the next grant either. */
  refuse(why: string): void {
    this.#grant = { state: "closed", why };
  }

  /** The content has all up to an index. */
  applied(index: number): void {
    this.#applied = index;
    const ready = this.#applyWaits.filter((wait) => wait.index <= index);
    if (ready.length === 0) return;
    this.#applyWaits = this.#applyWaits.filter((wait) => wait.index > index);
    for (const { resolve } of ready) resolve();
  }

  /** The entities are about to stop: those that wait for the shard to open need not. */
  stopping(): void {
    if (this.#grant.state !== "opening") return;
    this.closed("the shard moves to another node");
  }

  #endAll(error: PersistenceError): void {
    const pending = this.#pending;
    const calls = this.#calls;
    const applyWaits = this.#applyWaits;
    const openWaits = [...this.#openWaits];
    this.#pending = [];
    this.#calls = [];
    this.#applyWaits = [];
    this.#openWaits.clear();
    this.#heads.clear();
    const unknown = this.#outcomeUnknown("another node owns the shard now");
    for (const { fail } of pending) fail(unknown);
    for (const { reject } of [...calls, ...applyWaits, ...openWaits]) reject(error);
  }

  // Journal.

  async open(id: string, epoch: number | undefined): Promise<OpenedLog> {
    const grant = await this.#whenOpen();
    let head = this.#heads.get(id);
    if (head === undefined) {
      await this.#whenApplied(grant.index);
      const stored = await this.#port.content.head(id);
      if (this.#grant !== grant) throw this.#unavailable("it was granted anew");
      head = this.#heads.get(id);
      if (head === undefined) this.#heads.set(id, head = { ...stored, index: grant.index });
    }
    const opened = judgeOpen(head.epoch, epoch);
    if (opened === undefined) throw fenced(id, epoch!, head.epoch);
    if (opened > head.epoch) await this.#write({ type: "open", id, epoch: opened });
    else await this.#settled();
    // Invariant: what the id reads from now on has all that is in `lastSeq`.
    const { lastSeq, index } = this.#heads.get(id) ?? head;
    await this.#whenApplied(index);
    return { epoch: opened, lastSeq };
  }

  append(entries: readonly AppendEntry[]): Promise<readonly AppendResult[]> {
    return this.#call(entries, undefined);
  }

  read(id: string, options?: ReadOptions): AsyncIterable<StoredEvent> {
    return this.#port.content.journal.read(id, options);
  }

  loadSnapshot(id: string, maxSeq?: number): Promise<StoredSnapshot | undefined> {
    return this.#port.content.journal.loadSnapshot(id, maxSeq);
  }

  saveSnapshot(id: string, snapshot: StoredSnapshot, keep: number): Promise<void> {
    return this.#write({ type: "saveSnapshot", id, snapshot, keep });
  }

  deleteEvents(id: string, upTo: number, epoch: number): Promise<void> {
    return this.#write({ type: "deleteEvents", id, upTo, epoch });
  }

  delete(id: string, epoch: number): Promise<void> {
    return this.#write({ type: "delete", id, epoch });
  }

  readSlices(options: ReadSlicesOptions): Promise<SlicePage> {
    return this.#port.content.journal.readSlices(options);
  }

  readDue(options: ReadDueOptions): Promise<readonly DueLog[]> {
    if (this.#grant.state !== "open") return Promise.resolve([]);
    return this.#port.content.journal.readDue(options);
  }

  /** It ends with the node. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // Writes.

  #write(operation: OtherWrite): Promise<void> {
    return this.#call(undefined, operation);
  }

  #call<T>(entries: Call["entries"], operation: Call["operation"]): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#grant.state !== "open") return reject(this.#notOpen());
      this.#calls.push({ entries, operation, resolve, reject });
      if (this.#isDeferred) return;
      this.#isDeferred = true;
      this.#port.clock.defer(() => this.#takeCalls());
    });
  }

  /** What was written in one turn is sent together, and appends share entries of the log. */
  #takeCalls(): void {
    this.#isDeferred = false;
    const calls = this.#calls;
    this.#calls = [];
    let appends: Call[] = [];
    let bytes = 0;
    const flush = () => {
      if (appends.length > 0) this.#proposeAppends(appends);
      appends = [];
      bytes = 0;
    };
    for (const call of calls) {
      if (call.entries === undefined) {
        flush();
        this.#proposeOne(call);
        continue;
      }
      appends.push(call);
      for (const { events } of call.entries) {
        for (const { payload, metadata } of events) {
          bytes += payload.length + (metadata?.length ?? 0) + 50;
        }
      }
      if (bytes >= maxEntryBytes) flush();
    }
    flush();
    this.#port.flush();
  }

  #proposeAppends(calls: readonly Call[]): void {
    const accepted: AppendEntry[] = [];
    const results: (readonly AppendResult[])[] = [];
    const before: [Head, number][] = [];
    for (const { entries } of calls) {
      const own: AppendResult[] = [];
      for (const entry of entries!) {
        const head = this.#heads.get(entry.id);
        const result = judgeAppend(head ?? { epoch: 0, lastSeq: -1 }, claimOf(entry));
        own.push(head === undefined ? { outcome: "conflict", lastSeq: 0 } : result);
        if (head === undefined || result.outcome !== "appended") continue;
        before.push([head, head.lastSeq]);
        head.lastSeq = result.lastSeq;
        accepted.push(entry);
      }
      results.push(own);
    }
    const settle = () => {
      for (const [at, { resolve }] of calls.entries()) resolve(results[at] as never);
    };
    if (accepted.length === 0) return settle();
    const index = this.#port.propose(encodeOperation({ type: "append", entries: accepted }));
    if (index === 0) {
      for (const [head, lastSeq] of before.reverse()) head.lastSeq = lastSeq;
      const error = this.#unavailable("it takes no writes now");
      for (const { reject } of calls) reject(error);
      return;
    }
    for (const [head] of before) head.index = index;
    this.#await(index, settle, (error) => {
      for (const { reject } of calls) reject(error);
    });
  }

  #proposeOne({ operation, resolve, reject }: Call): void {
    const { id } = operation!;
    const head = this.#heads.get(id);
    const epoch = operation!.type === "saveSnapshot" ? operation!.snapshot.epoch : operation!.epoch;
    if (head === undefined || epoch < head.epoch) {
      return reject(fenced(id, epoch, head?.epoch ?? 0));
    }
    const { lastSeq } = head;
    const placed = operation!.type === "saveSnapshot" || operation!.type === "delete"
      ? { ...operation!, lastSeq }
      : operation!;
    const index = this.#port.propose(encodeOperation(placed));
    if (index === 0) return reject(this.#unavailable("it takes no writes now"));
    head.index = index;
    head.epoch = epoch;
    this.#await(index, () => resolve(undefined as never), reject);
  }

  #await(index: number, done: () => void, fail: (error: unknown) => void): void {
    this.#lastIndex = index;
    this.#pending.push({ index, done, fail });
  }

  /** Resolves when all that was written before is acknowledged. */
  #settled(): Promise<void> {
    const index = this.#lastIndex;
    if (this.#acked >= index) return Promise.resolve();
    return new Promise((done, fail) => this.#pending.push({ index, done, fail }));
  }

  #whenApplied(index: number): Promise<void> {
    if (this.#applied >= index) return Promise.resolve();
    return new Promise((resolve, reject) => this.#applyWaits.push({ index, resolve, reject }));
  }

  async #whenOpen(): Promise<Grant & { readonly state: "open" }> {
    if (this.#grant.state === "opening") {
      const wait = Promise.withResolvers<void>();
      this.#openWaits.add(wait);
      const timer = this.#port.clock.schedule(openTimeout, () => {
        this.#openWaits.delete(wait);
        wait.reject(this.#notOpen());
      });
      try {
        await wait.promise;
      } finally {
        timer.cancel();
      }
    }
    const grant = this.#grant;
    if (grant.state === "open") return grant;
    throw this.#notOpen();
  }

  #notOpen(): PersistenceError {
    const { state } = this.#grant;
    return this.#unavailable(
      state === "closed" ? (this.#grant as { why: string }).why : this.#port.waitsFor(),
    );
  }

  #unavailable(why: string): PersistenceError {
    return new PersistenceError("storeUnavailable", `${this.name}: ${why}`, {
      value: this.name,
      remedy: 'see explain("replication") of the node that owns the shard',
    });
  }

  #outcomeUnknown(why: string): PersistenceError {
    return new PersistenceError("outcomeUnknown", `${this.name}: ${why}`, {
      value: this.name,
      remedy: "read what is stored before you write again",
    });
  }
}
