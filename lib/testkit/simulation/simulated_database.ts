import { PersistenceError } from "../../persistence/errors.ts";
import type {
  AppendEntry,
  AppendResult,
  DueLog,
  Journal,
  OpenedLog,
  ReadDueOptions,
  ReadOptions,
  ReadSlicesOptions,
  SlicePage,
  StoredEvent,
  StoredSnapshot,
} from "../../persistence/journal.ts";
import { memoryJournal } from "../../persistence/memory_journal.ts";
import { reportOutputs } from "../../persistence/output_reports.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import { type AppendCounts, type BrokenDurability, JournalLedger } from "./journal_ledger.ts";
import { StoreFaults } from "./store_faults.ts";

/** Milliseconds that a call travels there, and as much back: minimum, and the random addition. */
const travel = { least: 0.2, more: 2 };
/** Milliseconds that a write takes in the database, with its sync. */
const commit = { least: 0.2, more: 8 };

/** The database that the nodes of a simulation have in common, as scenarios and invariants see it. */
export interface SimulatedDatabase {
  /** What is stored: without a way there, and without faults. */
  readonly contents: Journal;
  /** What happened to appends, on disks as well. */
  readonly counts: AppendCounts;
  /** Promises of durable actors that were broken; the invariants look at it. */
  readonly broken: readonly BrokenDurability[];
}

/** A process that calls the database. */
export interface DatabaseUser {
  /** Name of the node. */
  readonly node: string;
  /** Lets the process take an answer, at once or when it can. */
  readonly enter: (take: () => void) => void;
  /** Whether the process exists. An ended process receives no answers. */
  readonly alive: () => boolean;
}

/** Name of the database in the ledger. */
const store = "database";

/**
 * A database on a machine of its own. A call that has been sent is carried out although its process
 * stands still or has ended; its answer may be lost. What is committed survives.
 */
export class DatabaseServer implements SimulatedDatabase {
  /** The active faults. */
  readonly faults = new StoreFaults();
  /** What this and other stores of the simulation have answered. */
  readonly ledger = new JournalLedger();
  readonly contents = memoryJournal();
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  get counts(): AppendCounts {
    return this.ledger.counts;
  }

  get broken(): readonly BrokenDurability[] {
    return this.ledger.broken;
  }

  /** The database as one process reaches it. */
  journalOf(user: DatabaseUser): Journal {
    const connection = new DatabaseConnection(this, user);
    reportOutputs(connection, (id, lastSeq) => this.ledger.reportsOf(id, lastSeq));
    return connection;
  }

  /** Compares what is stored with what was acknowledged. To be called at the end. */
  async check(): Promise<void> {
    for (const id of this.ledger.ids(store)) {
      const events: StoredEvent[] = [];
      for await (const event of this.contents.read(id)) events.push(event);
      this.ledger.found(store, id, events);
    }
  }

  /** Carries a call out, and answers it; `onResult` is called when the process takes the answer. */
  call<T>(
    user: DatabaseUser,
    what: "read" | "write",
    work: () => Promise<T>,
    onResult: (result: T) => void = () => {},
  ): Promise<T> {
    const { faults, ledger: { counts } } = this;
    return new Promise((resolve, reject) => {
      const answer = (settle: () => void) =>
        this.#later(travel, () => user.alive() && user.enter(settle));
      const refuse = (why: string) => {
        counts.refused++;
        answer(() => reject(unavailable(why)));
      };
      const carryOut = async () => {
        if (faults.isDown(user.node)) return refuse("it cannot be reached");
        if (faults.fails("before", this.#random)) return refuse("it has failed");
        if (what === "write" && faults.full) return refuse("no space is left");
        let result: T;
        try {
          result = await work();
        } catch (error) {
          return answer(() => reject(error));
        }
        this.#later(what === "write" ? commit : travel, () => {
          if (faults.isDown(user.node) || faults.fails("after", this.#random)) {
            if (what === "read") return refuse("the connection has ended");
            counts.unknown++;
            return answer(() => reject(unknown()));
          }
          answer(() => {
            onResult(result);
            resolve(result);
          });
        });
      };
      this.#later(
        travel,
        () => this.#clock.schedule(faults.delay(this.#random), () => void carryOut()),
      );
    });
  }

  #later({ least, more }: { least: number; more: number }, task: () => void): void {
    this.#clock.schedule(least + this.#random.next() * more, task);
  }
}

class DatabaseConnection implements Journal {
  readonly name = "simulated database";
  readonly isShared = true;
  readonly #server: DatabaseServer;
  readonly #user: DatabaseUser;
  #closed = false;

  constructor(server: DatabaseServer, user: DatabaseUser) {
    this.#server = server;
    this.#user = user;
  }

  open(id: string, epoch: number | undefined): Promise<OpenedLog> {
    const { contents, ledger } = this.#server;
    return this.#call("write", async () => {
      const opened = await contents.open(id, epoch);
      ledger.opened(store, id, opened.epoch);
      return opened;
    });
  }

  append(entries: readonly AppendEntry[]): Promise<readonly AppendResult[]> {
    const { contents, ledger } = this.#server;
    return this.#call("write", async () => {
      const results = await contents.append(entries);
      ledger.carriedOut(store, entries, results);
      return results;
    }, (results) => ledger.acknowledged(store, entries, results));
  }

  async *read(id: string, options: ReadOptions = {}): AsyncIterable<StoredEvent> {
    const { from = 1, to = Number.MAX_SAFE_INTEGER, batch = 500 } = options;
    for (let next = from;;) {
      const found = await this.#call("read", () => this.#page(id, next, to, batch));
      yield* found;
      if (found.length < batch) return;
      next = found.at(-1)!.seq + 1;
    }
  }

  async #page(id: string, from: number, to: number, limit: number): Promise<StoredEvent[]> {
    const page: StoredEvent[] = [];
    for await (const event of this.#server.contents.read(id, { from, to, batch: limit })) {
      page.push(event);
      if (page.length === limit) break;
    }
    return page;
  }

  loadSnapshot(id: string, maxSeq?: number): Promise<StoredSnapshot | undefined> {
    return this.#call("read", () => this.#server.contents.loadSnapshot(id, maxSeq));
  }

  saveSnapshot(id: string, snapshot: StoredSnapshot, keep: number): Promise<void> {
    return this.#call("write", () => this.#server.contents.saveSnapshot(id, snapshot, keep));
  }

  deleteEvents(id: string, upTo: number, epoch: number): Promise<void> {
    this.#server.ledger.deleting(store, id, upTo);
    return this.#call("write", () => this.#server.contents.deleteEvents(id, upTo, epoch));
  }

  delete(id: string, epoch: number): Promise<void> {
    this.#server.ledger.deleting(store, id, Infinity);
    return this.#call("write", () => this.#server.contents.delete(id, epoch));
  }

  readSlices(options: ReadSlicesOptions): Promise<SlicePage> {
    return this.#call("read", () => this.#server.contents.readSlices(options));
  }

  readDue(options: ReadDueOptions): Promise<readonly DueLog[]> {
    return this.#call("read", () => this.#server.contents.readDue(options));
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #call<T>(
    what: "read" | "write",
    work: () => Promise<T>,
    onResult?: (result: T) => void,
  ): Promise<T> {
    if (this.#closed) return Promise.reject(unavailable("it was closed"));
    return this.#server.call(this.#user, what, work, onResult);
  }
}

function unavailable(why: string): PersistenceError {
  return new PersistenceError("storeUnavailable", `the simulated database: ${why}`);
}

function unknown(): PersistenceError {
  return new PersistenceError(
    "outcomeUnknown",
    "the simulated database: the connection has ended before the answer",
  );
}
