import { fenced, storeClosed } from "./journal_errors.ts";
import {
  type AppendEntry,
  type AppendResult,
  type Journal,
  judgeAppend,
  judgeOpen,
  type OpenedLog,
  type ReadOptions,
  type StoredEvent,
  type StoredSnapshot,
} from "./journal.ts";

interface Log {
  epoch: number;
  lastSeq: number;
  /** In the order of their numbers; the first may be later than 1. */
  events: StoredEvent[];
  /** The newest last. */
  snapshots: StoredSnapshot[];
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

class MemoryJournal implements Journal {
  readonly name = "memory";
  readonly #logs = new Map<string, Log>();
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
    return this.#run(() => entries.map((entry) => this.#append(entry)));
  }

  #append(entry: AppendEntry): AppendResult {
    const log = this.#log(entry.id);
    const result = judgeAppend(log, entry);
    if (result.outcome !== "appended") return result;
    for (const event of entry.events) {
      const payload = event.payload.slice();
      log.events.push({ ...event, payload, seq: ++log.lastSeq, epoch: entry.epoch });
    }
    return result;
  }

  async *read(id: string, options: ReadOptions = {}): AsyncIterable<StoredEvent> {
    const { from = 1, to, batch = 500 } = options;
    const last = await this.#run(() => Math.min(to ?? Infinity, this.#logs.get(id)?.lastSeq ?? 0));
    for (let next = from; next <= last;) {
      const found = await this.#run(() =>
        (this.#logs.get(id)?.events ?? [])
          .filter(({ seq }) => seq >= next && seq <= last)
          .slice(0, batch)
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
      others.push({ ...snapshot, payload: snapshot.payload.slice() });
      log.snapshots = others.sort((a, b) => a.seq - b.seq).slice(-keep);
    });
  }

  deleteEvents(id: string, upTo: number, epoch: number): Promise<void> {
    return this.#run(() => {
      const log = this.#log(id);
      if (epoch < log.epoch) throw fenced(id, epoch, log.epoch);
      log.events = log.events.filter(({ seq }) => seq > upTo);
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  #log(id: string): Log {
    let log = this.#logs.get(id);
    if (log === undefined) {
      this.#logs.set(id, log = { epoch: 0, lastSeq: 0, events: [], snapshots: [] });
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
