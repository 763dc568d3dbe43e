/**
 * The journal that the durable entities of one replicated shard see at its owner. Writes are judged here, go
 * into the log of the shard, and count as durable when the log says that they are acknowledged.
 *
 * @module
 */
import type { Clock } from "../runtime/clock.ts";
import { rules } from "../runtime/rules.ts";
import { PersistenceError } from "../persistence/errors.ts";
import {
  type AppendEntry,
  type AppendResult,
  claimOf,
  type DueLog,
  type Journal,
  judgeAppend,
  judgeOpen,
  type LogHead,
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
import { type Head, JournalHeads } from "./journal_heads.ts";
import type { LogOperation } from "./log_operation.ts";

/** Bytes of payloads in one entry of the log, about. */
const maxEntryBytes = 48 * 1_024;
/**
 * Milliseconds that an id waits for its shard to open; and while the shard is in motion: on a busy machine
 * that takes longer than what says that copies are lost.
 */
const openTimeout = 5_000;
const motionTimeout = 30_000;

/** What the journal needs of its shard. */
export interface ShardJournalPort {
  readonly name: string;
  readonly clock: Clock;
  /** What the log has made so far. */
  content(): CopyContent;
  /** Whether the node holds its lease: without it nothing is appended, and writes wait. */
  holdsLease(): boolean;
  /** Appends to the log; 0: it takes nothing now. */
  propose(payload: Uint8Array): number;
  /** Stores and sends what was appended. */
  flush(): void;
  /** Why the shard does not take writes. */
  waitsFor(): string;
  /** Whether it waits for nothing but answers of members, so that it opens soon. */
  isInMotion(): boolean;
}

/** A write that is no append, before its place in the log is known. */
type OtherWrite =
  | Extract<LogOperation, { readonly type: "open" | "deleteEvents" }>
  | Omit<Extract<LogOperation, { readonly type: "saveSnapshot" }>, "lastSeq">
  | Omit<Extract<LogOperation, { readonly type: "delete" }>, "lastSeq">;

function epochOf(operation: OtherWrite): number {
  return operation.type === "saveSnapshot" ? operation.snapshot.epoch : operation.epoch;
}

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
  /** `moves`: there is, or will be, another grant of the shard. */
  | { readonly state: "closed"; readonly why: string; readonly moves: boolean };

/** See the module's text. */
export class ShardJournal implements Journal {
  readonly name: string;
  readonly #port: ShardJournalPort;
  #grant: Grant = { state: "closed", why: "it is not granted to this node", moves: false };
  /** Of ids that were opened under this grant. */
  readonly #heads = new JournalHeads();
  #calls: Call[] = [];
  #isDeferred = false;
  /** The heads of ids that were forgotten are being read: calls wait. */
  #isLoading = false;
  /** In the order of their indexes. */
  #pending: Pending[] = [];
  #lastIndex = 0;
  #acked = 0;
  /** Up to where copies have not answered in time. */
  #overdue = 0;
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
    this.#endAll("it was granted anew", true);
    this.#grant = { state: "opening", epoch };
    this.#overdue = 0;
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
    this.#overdue = upTo;
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

  /** Nothing is taken any more. `moves`: there is, or will be, another grant, and its owner goes on. */
  closed(why: string, moves: boolean): void {
    if (this.#grant.state === "closed") return;
    this.#grant = { state: "closed", why, moves };
    this.#endAll(why, moves);
  }

  /** Nothing will be taken under the next grant either. */
  refuse(why: string): void {
    this.#grant = { state: "closed", why, moves: false };
  }

  /** The node holds its lease again: writes that have waited for that are taken. */
  leaseIsBack(): void {
    if (this.#calls.length > 0) this.#takeSoon();
  }

  /** The content has all up to an index. */
  applied(index: number): void {
    this.#applied = index;
    const ready = this.#applyWaits.filter((wait) => wait.index <= index);
    if (ready.length === 0) return;
    this.#applyWaits = this.#applyWaits.filter((wait) => wait.index > index);
    for (const { resolve } of ready) resolve();
  }

  /**
   * The entities are about to stop. Those that wait for the shard to open need not, nor those that wait for
   * copies which have not answered in time: the next owner takes what waits for them. Returns whether that
   * is so.
   */
  stopping(): boolean {
    const { state } = this.#grant;
    const isStuck = state === "open" && this.#overdue > this.#acked;
    if (state !== "opening" && !isStuck) return false;
    this.closed("the shard moves to another node", true);
    return true;
  }

  #endAll(why: string, moves: boolean): void {
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
    const unavailable = this.#unavailable(why);
    for (const { reject } of calls) reject(unavailable);
    const ended = moves ? this.#moved(why) : unavailable;
    for (const { reject } of [...applyWaits, ...openWaits]) reject(ended);
  }

  /** Of how many ids the heads are in memory. */
  get headsKept(): number {
    return this.#heads.size;
  }

  /** Whether entities of the shard run here. */
  get isOpen(): boolean {
    return this.#grant.state === "open";
  }

  // Journal.

  async open(id: string, epoch: number | undefined): Promise<OpenedLog> {
    const grant = await this.#whenOpen();
    try {
      return await this.#openUnder(grant, id, epoch);
    } catch (error) {
      const isOurs = error instanceof PersistenceError &&
        (error.code === "storeUnavailable" || error.code === "outcomeUnknown");
      if (!isOurs) throw error;
      // Nothing of its events was to be written: whether the id is open is of no interest to anybody.
      throw this.#grant === grant ? this.#unavailable(error.message) : this.#ended(error.message);
    }
  }

  async #openUnder(
    grant: Grant & { readonly state: "open" },
    id: string,
    epoch: number | undefined,
  ): Promise<OpenedLog> {
    let head = this.#heads.get(id);
    if (head === undefined) {
      await this.#whenApplied(grant.index);
      const stored = await this.#port.content().head(id);
      if (this.#grant !== grant) throw this.#ended("it was granted anew");
      head = this.#heads.get(id);
      if (head === undefined) this.#heads.set(id, head = this.#headOf(stored, grant.index));
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
    return this.#port.content().journal.read(id, options);
  }

  loadSnapshot(id: string, maxSeq?: number): Promise<StoredSnapshot | undefined> {
    return this.#port.content().journal.loadSnapshot(id, maxSeq);
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
    return this.#port.content().journal.readSlices(options);
  }

  readDue(options: ReadDueOptions): Promise<readonly DueLog[]> {
    if (!this.isOpen) return Promise.resolve([]);
    return this.#port.content().journal.readDue(options);
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
      if (this.#grant.state !== "open") return reject(this.#unavailable(this.#whyNotOpen()));
      this.#calls.push({ entries, operation, resolve, reject });
      this.#takeSoon();
    });
  }

  #takeSoon(): void {
    if (this.#isDeferred) return;
    this.#isDeferred = true;
    this.#port.clock.defer(() => this.#takeCalls());
  }

  #headOf({ epoch, lastSeq }: LogHead, index: number): Head {
    return { epoch, lastSeq, index, isUsed: true };
  }

  /** Ids in the calls whose heads were forgotten under this grant. */
  #forgotten(): string[] {
    const grant = this.#grant;
    if (grant.state !== "open" || !this.#heads.hasForgotten) return [];
    const ids = new Set<string>();
    const note = (id: string, epoch: number) => {
      // A writer of an earlier grant has not opened the id under this one.
      if (epoch >= grant.epoch && !this.#heads.has(id)) ids.add(id);
    };
    for (const { entries, operation } of this.#calls) {
      if (entries !== undefined) { for (const { id, epoch } of entries) note(id, epoch); }
      else note(operation!.id, epochOf(operation!));
    }
    return [...ids];
  }

  /** Invariant: the content has all of an id that was forgotten, so its head is the one that was. */
  async #remember(ids: readonly string[]): Promise<void> {
    const grant = this.#grant;
    this.#isLoading = true;
    try {
      const heads = await Promise.all(ids.map((id) => this.#port.content().head(id)));
      if (this.#grant !== grant) return;
      for (const [at, id] of ids.entries()) {
        if (!this.#heads.has(id)) this.#heads.set(id, this.#headOf(heads[at]!, 0));
      }
    } catch {
      const calls = this.#calls;
      this.#calls = [];
      for (const { reject } of calls) reject(this.#unavailable("its content cannot be read"));
    } finally {
      this.#isLoading = false;
      this.#takeCalls();
    }
  }

  /** What was written in one turn is sent together, and appends share entries of the log. */
  #takeCalls(): void {
    this.#isDeferred = false;
    if (this.#isLoading || this.#calls.length === 0) return;
    // The entities are suspended, and their writes wait as well: nothing is known to have failed.
    if (!this.#port.holdsLease() && rules.writesAwaitLease) return;
    const forgotten = this.#forgotten();
    if (forgotten.length > 0) return void this.#remember(forgotten);
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
    this.#heads.forgetCold(Math.min(this.#acked, this.#applied));
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
    const epoch = epochOf(operation!);
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
      const { clock } = this.#port;
      const until = clock.now() + motionTimeout;
      const wait = Promise.withResolvers<void>();
      this.#openWaits.add(wait);
      const look = () => {
        const isSlow = this.#port.isInMotion() && clock.now() < until;
        if (isSlow && rules.entitiesAwaitMoves) {
          return void (timer = clock.schedule(openTimeout, look));
        }
        this.#openWaits.delete(wait);
        wait.reject(this.#unavailable(this.#port.waitsFor()));
      };
      let timer = clock.schedule(openTimeout, look);
      try {
        await wait.promise;
      } finally {
        timer.cancel();
      }
    }
    const grant = this.#grant;
    if (grant.state === "open") return grant;
    throw this.#ended(this.#whyNotOpen());
  }

  #whyNotOpen(): string {
    return this.#grant.state === "closed" ? this.#grant.why : this.#port.waitsFor();
  }

  /** The grant under which an id was to be opened is over. */
  #ended(why: string): PersistenceError {
    const grant = this.#grant;
    return grant.state === "closed" && !grant.moves ? this.#unavailable(why) : this.#moved(why);
  }

  /** Nobody is told that it has failed: what waits for an entity goes to its next incarnation. */
  #moved(why: string): PersistenceError {
    if (!rules.entitiesAwaitMoves) return this.#unavailable(why);
    return new PersistenceError("fenced", `${this.name}: ${why}`, {
      value: this.name,
      remedy: "let this incarnation stop: the owner by the next grant of the shard answers",
    });
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
