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
import type { WarmJournal, WarmLog } from "../../persistence/warm_log.ts";
import { rules } from "../../runtime/rules.ts";
import type { StandbyFeed } from "./standby_feed.ts";

/** What it needs besides the database. */
export interface StandbyJournalPort {
  readonly behind: Journal;
  readonly feed: Pick<StandbyFeed, "opened" | "appended" | "saved" | "deleted">;
  take(id: string): WarmLog | undefined;
  used(id: string, isUsed: boolean): void;
}

/**
 * The database, as the entities of a type see it at one node: tells the feed what was committed, and gives
 * entities that start the states that this node has kept. All else is the database's.
 */
export class StandbyJournal implements WarmJournal {
  readonly isShared = true;
  readonly #port: StandbyJournalPort;

  constructor(port: StandbyJournalPort) {
    this.#port = port;
  }

  get name(): string {
    return this.behind.name;
  }

  get failure(): string | undefined {
    return this.behind.failure;
  }

  get behind(): Journal {
    return this.#port.behind;
  }

  takeWarm(id: string): WarmLog | undefined {
    return this.#port.take(id);
  }

  usedWarm(id: string, isUsed: boolean): void {
    this.#port.used(id, isUsed);
  }

  async open(id: string, epoch: number | undefined): Promise<OpenedLog> {
    const opened = await this.behind.open(id, epoch);
    this.#port.feed.opened(id, opened.lastSeq);
    return opened;
  }

  /** Invariant: standbys hear of events when the database has said that it has them, and not before. */
  async append(entries: readonly AppendEntry[]): Promise<readonly AppendResult[]> {
    const { feed } = this.#port;
    if (!rules.standbysFollowCommits) { for (const entry of entries) feed.appended(entry); }
    const results = await this.behind.append(entries);
    for (const [at, entry] of entries.entries()) {
      if (results[at]!.outcome === "appended") feed.appended(entry);
    }
    return results;
  }

  read(id: string, options?: ReadOptions): AsyncIterable<StoredEvent> {
    return this.behind.read(id, options);
  }

  loadSnapshot(id: string, maxSeq?: number): Promise<StoredSnapshot | undefined> {
    return this.behind.loadSnapshot(id, maxSeq);
  }

  async saveSnapshot(id: string, snapshot: StoredSnapshot, keep: number): Promise<void> {
    await this.behind.saveSnapshot(id, snapshot, keep);
    this.#port.feed.saved(id, snapshot.seq);
  }

  deleteEvents(id: string, upTo: number, epoch: number): Promise<void> {
    return this.behind.deleteEvents(id, upTo, epoch);
  }

  async delete(id: string, epoch: number): Promise<void> {
    await this.behind.delete(id, epoch);
    this.#port.feed.deleted(id);
  }

  readSlices(options: ReadSlicesOptions): Promise<SlicePage> {
    return this.behind.readSlices(options);
  }

  readDue(options: ReadDueOptions): Promise<readonly DueLog[]> {
    return this.behind.readDue(options);
  }

  /** The database is the user's to close. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
