import { fenced, storeClosed } from "./journal_errors.ts";
import { type CopyableJournal, type LogPart, partOfLog } from "./copyable_journal.ts";
import {
  advanced,
  type AppendEntry,
  type AppendResult,
  claimOf,
  type DueLog,
  type Journal,
  judgeAppend,
  judgeOpen,
  type LogHead,
  lowest,
  type OpenedLog,
  type ReadDueOptions,
  type ReadOptions,
  type ReadSlicesOptions,
  type SliceEvent,
  sliceOf,
  type SlicePage,
  type StoredEvent,
  type StoredSnapshot,
} from "./journal.ts";

/** An event in the order of the store. */
interface Ordered {
  readonly id: string;
  readonly slice: number;
  readonly event: StoredEvent;
  readonly position: number;
  isDeleted: boolean;
}

/** From so many slices on a reader goes through the events of all. */
const manySlices = 64;

interface Log {
  epoch: number;
  lastSeq: number;
  /** In the order of their numbers; the first may be later than 1. */
  events: Ordered[];
  /** The newest last. */
  snapshots: StoredSnapshot[];
  wake: number | undefined;
}

/**
 * A store in the memory of this process, for tests and simulations. It keeps what it was given for as
 * long as the object lives: actors that restart find it again.
 *
 * @example
 * ```ts
 * import { memoryJournal } from "@casty/casty/persistence";
 *
 * const journal = memoryJournal();
 * const { epoch, lastSeq } = await journal.open("account/alice", undefined);
 * console.assert(epoch === 1 && lastSeq === 0);
 * ```
 */
export function memoryJournal(): Journal {
  return new MemoryJournal();
}

/** The same, as one that can be copied. */
export function copyableMemoryJournal(): CopyableJournal {
  return new MemoryJournal();
}

class MemoryJournal implements CopyableJournal {
  readonly name = "memory";
  readonly #logs = new Map<string, Log>();
  /** All events in the order in which they were appended. */
  readonly #order: Ordered[] = [];
  /** The same by slice. */
  readonly #slices = new Map<number, Ordered[]>();
  /** Position of the newest event. */
  #last = 0;
  readonly #listeners = new Set<() => void>();
  #closed = false;

  open(id: string, epoch: number | undefined): Promise<OpenedLog> {
    return this.#run(() => {
      const log = this.#log(id);
      const opened = judgeOpen(log.epoch, epoch);
      if (opened === undefined) throw fenced(id, epoch!, log.epoch);
      log.epoch = opened;
      return { epoch: opened, lastSeq: log.lastSeq };
    });
  }

  append(entries: readonly AppendEntry[]): Promise<readonly AppendResult[]> {
    return this.#run(() => {
      const results = entries.map((entry) => this.#append(entry));
      for (const listener of this.#listeners) listener();
      return results;
    });
  }

  #append(entry: AppendEntry): AppendResult {
    const log = this.#log(entry.id);
    const result = judgeAppend(log, claimOf(entry));
    if (result.outcome !== "appended") return result;
    const { id, epoch, events, wake } = entry;
    const slice = sliceOf(id);
    for (const event of events) {
      const stored = { ...copied(event), seq: ++log.lastSeq, epoch };
      this.#add(log, id, slice, stored);
    }
    if (wake !== undefined) log.wake = wake ?? undefined;
    return result;
  }

  #add(log: Log, id: string, slice: number, event: StoredEvent): void {
    const ordered = { id, slice, event, position: ++this.#last, isDeleted: false };
    log.events.push(ordered);
    this.#order.push(ordered);
    const own = this.#slices.get(slice);
    if (own === undefined) this.#slices.set(slice, [ordered]);
    else own.push(ordered);
  }

  async *read(id: string, options: ReadOptions = {}): AsyncIterable<StoredEvent> {
    const { from = 1, to, batch = 500 } = options;
    const last = await this.#run(() => Math.min(to ?? Infinity, this.#logs.get(id)?.lastSeq ?? 0));
    for (let next = from; next <= last;) {
      const found = await this.#run(() =>
        (this.#logs.get(id)?.events ?? [])
          .filter(({ event: { seq } }) => seq >= next && seq <= last)
          .slice(0, batch)
          .map(({ event }) => event)
      );
      if (found.length === 0) return;
      yield* found;
      next = found.at(-1)!.seq + 1;
    }
  }

  loadSnapshot(id: string, maxSeq = Infinity): Promise<StoredSnapshot | undefined> {
    return this.#run(() => this.#logs.get(id)?.snapshots.findLast(({ seq }) => seq <= maxSeq));
  }

  saveSnapshot(id: string, snapshot: StoredSnapshot, keep: number): Promise<void> {
    return this.#run(() => {
      const log = this.#log(id);
      if (snapshot.epoch < log.epoch) throw fenced(id, snapshot.epoch, log.epoch);
      const others = log.snapshots.filter(({ seq }) => seq !== snapshot.seq);
      others.push(copied(snapshot));
      log.snapshots = others.sort((a, b) => a.seq - b.seq).slice(-keep);
    });
  }

  deleteEvents(id: string, upTo: number, epoch: number): Promise<void> {
    return this.#run(() => {
      const log = this.#log(id);
      if (epoch < log.epoch) throw fenced(id, epoch, log.epoch);
      this.#deleteEvents(log, upTo);
    });
  }

  #deleteEvents(log: Log, upTo: number): void {
    const kept = log.events.findIndex(({ event: { seq } }) => seq > upTo);
    const removed = log.events.splice(0, kept === -1 ? log.events.length : kept);
    if (removed.length === 0) return;
    for (const ordered of removed) ordered.isDeleted = true;
    const own = this.#slices.get(removed[0]!.slice)!;
    for (const order of [this.#order, own]) {
      // Only what was deleted at the beginning is given up.
      const first = order.findIndex(({ isDeleted }) => !isDeleted);
      order.splice(0, first === -1 ? order.length : first);
    }
  }

  delete(id: string, epoch: number): Promise<void> {
    return this.#run(() => {
      const log = this.#log(id);
      if (epoch < log.epoch) throw fenced(id, epoch, log.epoch);
      this.#deleteEvents(log, log.lastSeq);
      log.snapshots = [];
      log.wake = undefined;
    });
  }

  async countSlices(options: ReadSlicesOptions): Promise<number> {
    return (await this.readSlices(options)).events.length;
  }

  readSlices(options: ReadSlicesOptions): Promise<SlicePage> {
    const { slices: { from, to }, limit = 500 } = options;
    return this.#run(() => {
      const found = to - from < manySlices ? this.#few(options) : this.#many(options);
      const events = found.slice(0, limit).map(sliceEventOf);
      const read = events.length === limit ? found[limit - 1]!.position : this.#last;
      return { events, next: advanced(options, BigInt(read)) };
    });
  }

  /** The first events of many slices, in the order of all. */
  #many(options: ReadSlicesOptions): readonly Ordered[] {
    const { slices: { from, to }, after, limit = 500 } = options;
    const found: Ordered[] = [];
    for (
      let index = firstAfter(this.#order, lowest(options));
      index < this.#order.length;
      index++
    ) {
      const ordered = this.#order[index]!;
      const { slice, position } = ordered;
      if (slice < from || slice > to || BigInt(position) <= (after.get(slice) ?? 0n)) continue;
      if (!isWanted(ordered, options)) continue;
      found.push(ordered);
      if (found.length === limit) break;
    }
    return found;
  }

  /** The first events of few slices, in the order of all: no others are looked at. */
  #few(options: ReadSlicesOptions): readonly Ordered[] {
    const { slices: { from, to }, after, limit = 500 } = options;
    const found: Ordered[] = [];
    for (let slice = from; slice <= to; slice++) {
      const own = this.#slices.get(slice) ?? [];
      let count = 0;
      for (let index = firstAfter(own, after.get(slice) ?? 0n); index < own.length; index++) {
        if (!isWanted(own[index]!, options)) continue;
        found.push(own[index]!);
        if (++count === limit) break;
      }
    }
    return found.sort((a, b) => a.position - b.position);
  }

  readDue({ slices: { from, to }, before, limit }: ReadDueOptions): Promise<readonly DueLog[]> {
    return this.#run(() => {
      const due: DueLog[] = [];
      for (const [id, { wake }] of this.#logs) {
        if (wake === undefined || wake > before) continue;
        const slice = sliceOf(id);
        if (slice >= from && slice <= to) due.push({ id, wake });
      }
      return due.sort((a, b) => a.wake - b.wake).slice(0, limit);
    });
  }

  head(id: string): Promise<LogHead> {
    return this.#run(() => {
      const { epoch, lastSeq } = this.#logs.get(id) ?? { epoch: 0, lastSeq: 0 };
      return { epoch, lastSeq };
    });
  }

  exportLog(id: string, after: number, maxBytes: number): Promise<LogPart | undefined> {
    return this.#run(() => {
      const log = this.#logs.get(id);
      if (log === undefined) return undefined;
      const from = firstWithSeqAfter(log.events, after);
      return partOfLog(id, log, eventsFrom(log.events, from), after, maxBytes);
    });
  }

  importLog(part: LogPart): Promise<void> {
    return this.#run(() => {
      const { id, after, events, rest } = part;
      if (after === 0) this.#forget(id);
      const log = this.#log(id);
      const slice = sliceOf(id);
      for (const event of copiedTogether(events.filter(({ seq }) => seq > log.lastSeq))) {
        this.#add(log, id, slice, event);
        log.lastSeq = event.seq;
      }
      if (rest === undefined) return;
      log.epoch = rest.epoch;
      log.lastSeq = Math.max(log.lastSeq, rest.lastSeq);
      log.wake = rest.wake;
      log.snapshots = rest.snapshots.map(copied);
    });
  }

  forget(ids: readonly string[]): Promise<void> {
    return this.#run(() => {
      for (const id of ids) this.#forget(id);
    });
  }

  #forget(id: string): void {
    const log = this.#logs.get(id);
    if (log === undefined) return;
    this.#deleteEvents(log, log.lastSeq);
    this.#logs.delete(id);
  }

  onAppended(listener: () => void): () => void {
    // Wrapped, so that the same function given twice is called until both have ended.
    const own = () => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #log(id: string): Log {
    let log = this.#logs.get(id);
    if (log === undefined) {
      this.#logs.set(
        id,
        log = {
          epoch: 0,
          lastSeq: 0,
          events: [],
          snapshots: [],
          wake: undefined,
        },
      );
    }
    return log;
  }

  #run<T>(work: () => T): Promise<T> {
    return new Promise((resolve) => {
      if (this.#closed) throw storeClosed(this.name);
      resolve(work());
    });
  }
}

/**
 * Events with bytes of their own, all in one piece of memory: with one for each event the garbage collection
 * has more to move and to list, and its pauses at a node that is being filled are longer.
 *
 * Invariant: they are of one id, one after the other, and are deleted in this order. So what is kept of deleted
 * ones is less than a part for each id.
 */
function copiedTogether(events: readonly StoredEvent[]): StoredEvent[] {
  let length = 0;
  for (const { payload, metadata } of events) length += payload.length + (metadata?.length ?? 0);
  const memory = new Uint8Array(length);
  let used = 0;
  const copy = (bytes: Uint8Array): Uint8Array => {
    const own = memory.subarray(used, used += bytes.length);
    own.set(bytes);
    return own;
  };
  return events.map((event) => {
    const { payload, metadata } = event;
    const own = { ...event, payload: copy(payload) };
    return metadata === undefined ? own : { ...own, metadata: copy(metadata) };
  });
}

/** The events of a log from an index on. */
function* eventsFrom(events: readonly Ordered[], from: number): Generator<StoredEvent> {
  for (let index = from; index < events.length; index++) yield events[index]!.event;
}

/** The index of the first event of a log with a higher number. */
function firstWithSeqAfter(events: readonly Ordered[], seq: number): number {
  let [low, high] = [0, events.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (events[middle]!.event.seq <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The index of the first event after a position. */
function firstAfter(order: readonly Ordered[], position: bigint): number {
  let [low, high] = [0, order.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (BigInt(order[middle]!.position) <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isWanted({ isDeleted, event }: Ordered, { tag }: ReadSlicesOptions): boolean {
  return !isDeleted && (tag === undefined || event.tags?.includes(tag) === true);
}

function sliceEventOf({ id, slice, event, position }: Ordered): SliceEvent {
  return { ...event, id, slice, position: BigInt(position) };
}

/** With bytes of its own. */
function copied<T extends { readonly payload: Uint8Array; readonly metadata?: Uint8Array }>(
  one: T,
): T {
  return {
    ...one,
    payload: one.payload.slice(),
    ...(one.metadata !== undefined && { metadata: one.metadata.slice() }),
  };
}
