/**
 * The copy of a shard at one node: obeys the owner with the highest epoch that it has promised, stores what
 * it is sent in order, and answers when it is durable. The owner's own copy is one of them. Pure: gives
 * effects.
 *
 * @module
 */
import { rules } from "../runtime/rules.ts";
import { mergeBootstrap } from "./bootstrap_record.ts";
import type { BootstrapHolder, CopyRecord, StoreOperation } from "./copy_record.ts";
import { chainAfter, comparePositions, type LogPosition, logStart } from "./log_position.ts";
import {
  compareReplicaVersions,
  isInSync,
  type ReplicaConfig,
  type StoreId,
} from "./replica_config.ts";
import type {
  AppendLogMessage,
  CopyState,
  FillCopyMessage,
  FillPoint,
  PrimaryMessage,
  PromiseEpochMessage,
  ReplicaMessage,
} from "./replication_protocol.ts";
import { type LogEntry, ShardLog } from "./shard_log.ts";

/** Entries that are applied between two marks. */
const markInterval = 1_000;

/** Output of a copy. */
export type ReplicaEffect =
  /** To be made durable, in order. Then `stored` is called with the token. */
  | {
    readonly type: "store";
    readonly token: number;
    readonly operations: readonly StoreOperation[];
  }
  | { readonly type: "send"; readonly to: string; readonly message: ReplicaMessage }
  /** Entries up to this index are acknowledged: the journal applies the ones that it lacks. */
  | { readonly type: "apply"; readonly upTo: number }
  /**
   * An entry contradicts what this copy has: damage, or a broken invariant. Nothing of the message was
   * stored; somebody has to look.
   */
  | { readonly type: "diverged"; readonly expected: LogPosition; readonly found: LogPosition };

interface HeldAnswer {
  readonly token: number;
  readonly to: string;
  readonly message: ReplicaMessage;
}

/** See the module's text. */
export class Replica {
  /** Which store it is in. */
  readonly id: StoreId;
  readonly log: ShardLog;
  readonly #bootstrap: BootstrapHolder;
  readonly #markEvery: number;
  #promised: number;
  #config: ReplicaConfig | undefined;
  #acked: number;
  #applied: number;
  /** Up to where `#applied` is stored, as far as it was given to be. */
  #marked: number;
  #filling: FillPoint | undefined;
  #generation: number;
  #effects: ReplicaEffect[] = [];
  #operations: StoreOperation[] = [];
  #token = 0;
  #storedToken = 0;
  #held: HeldAnswer[] = [];
  /** The answer about entries that the owner here has appended, once they are durable. */
  #extended = false;

  /**
   * A copy as it was stored.
   *
   * @param applied up to which index the journal has applied entries.
   * @param markEvery how many of them are applied between two marks of how far that is.
   */
  constructor(
    id: StoreId,
    record: CopyRecord,
    bootstrap: BootstrapHolder,
    applied = record.acked,
    markEvery = markInterval,
  ) {
    this.id = id;
    this.#markEvery = markEvery;
    this.log = new ShardLog(record.base, record.entries);
    this.#bootstrap = bootstrap;
    this.#promised = record.promised;
    this.#config = record.config;
    this.#acked = Math.max(record.acked, record.base.index, applied);
    if (record.filling !== undefined) this.#acked = 0;
    this.#applied = this.#marked = applied;
    this.#filling = record.filling;
    this.#generation = record.generation;
  }

  /** The highest epoch that was promised; 0: none was. */
  get promised(): number {
    return this.#promised;
  }

  /** The newest configuration that is known here. */
  get config(): ReplicaConfig | undefined {
    return this.#config;
  }

  /** Up to which index entries are known to be acknowledged. */
  get acked(): number {
    return this.#acked;
  }

  /** Up to which index the journal here has applied entries. */
  get appliedIndex(): number {
    return this.#applied;
  }

  /** How often its content was dropped. */
  get generation(): number {
    return this.#generation;
  }

  /** What it has. */
  get state(): CopyState {
    return {
      ...(this.#config && { config: this.#config }),
      last: this.log.last,
      acked: this.#acked,
      generation: this.#generation,
      ...(this.#filling && { filling: this.#filling }),
    };
  }

  /** A message of the owner of a shard, or of one that was it. */
  receive(from: string, message: PrimaryMessage): ReplicaEffect[] {
    const { epoch } = message;
    if (epoch < this.#promised && rules.copiesRefuseLowerEpochs) {
      this.#answer(from, { type: "epochRefused", epoch, promised: this.#promised });
      return this.#end();
    }
    if (epoch > this.#promised) {
      this.#promised = epoch;
      this.#operations.push({ type: "promise", epoch });
    }
    switch (message.type) {
      case "promiseEpoch":
        this.#onPromise(from, message);
        break;
      case "storeConfig":
        this.#onConfig(from, epoch, message.config);
        break;
      case "appendLog":
        this.#onAppend(from, message);
        break;
      case "fillCopy":
        this.#onFill(from, message);
        break;
      case "releaseCopy":
        this.#onRelease(from, epoch, message.generation);
        break;
    }
    return this.#end();
  }

  /** The owner here appends an entry, which is the next one. `flushExtended` stores them. */
  extend(entry: LogEntry): void {
    this.log.append(entry);
    const last = this.#operations.at(-1);
    if (last?.type === "entries" && this.#extended) {
      (last.entries as LogEntry[]).push(entry);
    } else this.#operations.push({ type: "entries", entries: [entry] });
    this.#extended = true;
  }

  /** Stores what the owner here has appended since; its own answer follows. */
  flushExtended(epoch: number): ReplicaEffect[] {
    if (!this.#extended) return [];
    this.#extended = false;
    this.#answer(this.id.address, {
      type: "logAppended",
      epoch,
      store: this.id,
      generation: this.#generation,
      through: this.log.last.index,
    });
    return this.#end();
  }

  /** Entries up to this index are acknowledged, as the owner here has found. */
  acknowledge(index: number): ReplicaEffect[] {
    this.#acknowledge(index);
    return this.#end();
  }

  /** All up to a token is durable. */
  stored(token: number): ReplicaEffect[] {
    if (token > this.#storedToken) this.#storedToken = token;
    let ready = 0;
    while (ready < this.#held.length && this.#held[ready]!.token <= this.#storedToken) ready++;
    for (const { to, message } of this.#held.splice(0, ready)) {
      this.#effects.push({ type: "send", to, message });
    }
    return this.#end();
  }

  /**
   * The journal has applied the entries up to this index.
   *
   * A restart applies again what is not marked as applied. A mark goes with what is stored next: it needs no
   * write of its own.
   */
  applied(index: number): void {
    if (index <= this.#applied) return;
    this.#applied = index;
    if (index - this.#marked < this.#markEvery) return;
    this.#marked = index;
    this.#operations.push({ type: "applied", upTo: index });
  }

  /** Forgets entries that all in-sync copies have, and that the journal here has applied. */
  trim(upTo: number): ReplicaEffect[] {
    this.#trim(upTo);
    return this.#end();
  }

  #onPromise(from: string, { epoch, bootstrap }: PromiseEpochMessage): void {
    const merged = mergeBootstrap(this.#bootstrap.record, bootstrap);
    if (merged !== this.#bootstrap.record) {
      this.#bootstrap.record = merged;
      this.#operations.push({ type: "bootstrap", record: merged });
    }
    this.#answer(from, {
      type: "epochPromised",
      epoch,
      store: this.id,
      copy: this.state,
      bootstrap: merged,
    });
  }

  #onConfig(from: string, epoch: number, config: ReplicaConfig): void {
    const own = this.#config;
    if (own === undefined || compareReplicaVersions(own.version, config.version) < 0) {
      this.#config = config;
      this.#operations.push({ type: "config", config });
    }
    const { version } = this.#config!;
    this.#answer(from, { type: "configStored", epoch, store: this.id, version });
  }

  #onAppend(from: string, message: AppendLogMessage): void {
    const { epoch, previous, entries } = message;
    if (this.#filling !== undefined) return this.#gap(from, epoch, this.#filling.at);
    const { base } = this.log;
    // Invariant: what was cut off at the front is acknowledged, so every later owner has it.
    if (previous.index > base.index && !this.log.has(previous)) {
      return this.#gap(from, epoch, this.log.lastUpTo(previous.index, previous.epoch) ?? base);
    }
    const known = this.log.at(previous.index);
    if (known !== undefined && known.chain !== previous.chain) {
      this.#diverge(previous, known);
      return;
    }
    if (!this.#store(entries)) return;
    const through = previous.index + entries.length;
    this.#acknowledge(Math.min(message.acked, through));
    this.#trim(message.trim);
    const { id: store } = this;
    const generation = this.#generation;
    this.#answer(from, { type: "logAppended", epoch, store, generation, through });
  }

  /** False: an entry contradicts what was acknowledged, or is damaged. */
  #store(entries: readonly LogEntry[]): boolean {
    let added: LogEntry[] | undefined;
    for (const entry of entries) {
      if (entry.index <= this.log.base.index) continue;
      const own = this.log.at(entry.index);
      if (own !== undefined && (own.epoch === entry.epoch || !rules.oldTailsAreCut)) {
        if (own.chain === entry.chain || !rules.oldTailsAreCut) continue;
        return this.#diverge(entry, own);
      }
      if (own !== undefined) {
        // Never acknowledged: an owner with a later epoch would have it.
        if (entry.index <= this.#acked) return this.#diverge(entry, own);
        this.log.cutAfter(entry.index - 1);
        this.#operations.push({ type: "cut", after: entry.index - 1 });
      }
      const { epoch, index, payload } = entry;
      const chain = chainAfter(this.log.last.chain, epoch, payload);
      if (chain !== entry.chain) return this.#diverge(entry, { epoch, index, chain });
      this.log.append(entry);
      if (added === undefined) this.#operations.push({ type: "entries", entries: added = [] });
      added.push(entry);
    }
    return true;
  }

  #diverge(expected: LogPosition, found: LogPosition): false {
    const plain = ({ epoch, index, chain }: LogPosition) => ({ epoch, index, chain });
    this.#effects.push({ type: "diverged", expected: plain(expected), found: plain(found) });
    return false;
  }

  #gap(to: string, epoch: number, { epoch: at, index, chain }: LogPosition): void {
    this.#answer(to, {
      type: "logGap",
      epoch,
      store: this.id,
      last: { epoch: at, index, chain },
      ...(this.#filling && { filling: this.#filling }),
    });
  }

  #acknowledge(index: number): void {
    if (index <= this.#acked || this.#filling !== undefined) return;
    this.#acked = index;
    // Invariant: the journal never has more than the log.
    this.#flushOperations();
    this.#effects.push({ type: "apply", upTo: index });
  }

  #trim(upTo: number): void {
    const to = Math.min(upTo, this.#applied, this.#acked);
    if (to <= this.log.base.index) return;
    this.log.trimTo(to);
    this.#operations.push({ type: "trim", upTo: to });
  }

  #onFill(from: string, message: FillCopyMessage): void {
    const { epoch, point, bytes, next, done } = message;
    // An in-sync copy answers for what it has confirmed: it is taken out before its content is replaced.
    const counts = this.#config !== undefined && isInSync(this.#config, this.id);
    if (this.#config === undefined || (counts && rules.inSyncCopiesAreKept)) return;
    // The first part drops what is here. A repeated one names an earlier generation, and drops nothing.
    if (point.cursor === "" && message.generation === this.#generation) this.#reset(point.at);
    if (this.#filling === undefined || comparePositions(this.#filling.at, point.at) !== 0) return;
    if (this.#filling.cursor === point.cursor) {
      this.#operations.push({ type: "chunk", bytes, cursor: next });
      this.#filling = { at: point.at, cursor: next };
      if (done) {
        this.#operations.push({ type: "filled" });
        this.#filling = undefined;
        this.#acked = this.#applied = this.#marked = point.at.index;
      }
    }
    this.#answer(from, {
      type: "copyFilled",
      epoch,
      store: this.id,
      generation: this.#generation,
      point: this.#filling ?? { at: point.at, cursor: next },
      done: this.#filling === undefined,
    });
  }

  #onRelease(from: string, epoch: number, dropped: number): void {
    if (this.#config !== undefined && isInSync(this.#config, this.id)) return;
    const isEmpty = this.#filling?.at.index === 0 && this.#filling.cursor === "";
    if (!isEmpty) {
      if (dropped !== this.#generation) return;
      this.#reset(logStart);
    }
    const { id: store } = this;
    this.#answer(from, { type: "copyReleased", epoch, store, generation: this.#generation });
  }

  #reset(at: LogPosition): void {
    const { epoch, index, chain } = at;
    this.log.reset({ epoch, index, chain });
    this.#filling = { at: this.log.base, cursor: "" };
    this.#acked = this.#applied = this.#marked = 0;
    this.#generation++;
    this.#operations.push({ type: "reset", at: this.log.base });
  }

  /** Sends an answer when all that it tells of is durable. */
  #answer(to: string, message: ReplicaMessage): void {
    this.#flushOperations();
    if (this.#token === this.#storedToken || !rules.answersFollowStores) {
      this.#effects.push({ type: "send", to, message });
    } else this.#held.push({ token: this.#token, to, message });
  }

  #flushOperations(): void {
    if (this.#operations.length === 0) return;
    this.#effects.push({ type: "store", token: ++this.#token, operations: this.#operations });
    this.#operations = [];
  }

  #end(): ReplicaEffect[] {
    if (!this.#extended) this.#flushOperations();
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
