/**
 * Calls durable actors that have work in the store and may not run: the shell of {@linkcode DueIds}.
 *
 * @module
 */
import type { Clock, Timer } from "../../runtime/clock.ts";
import { rules } from "../../runtime/rules.ts";
import type { DueLog, Journal, SliceRange } from "../journal.ts";
import { DueIds, maxKept } from "./due_ids.ts";
import type { SliceShare } from "./slice_share.ts";

/** What is overdue by so much in the share of another node is called by any, milliseconds. */
export const overdueAfter = 5_000;
/** Between two pages while there are more ids than a page takes, milliseconds. */
const busyInterval = 50;

/** What the service needs. */
export interface DuePort {
  readonly clock: Clock;
  /** Milliseconds between two looks, and how far ahead each one reads. */
  readonly interval: number;
  /** The part of the store that it looks through. */
  readonly share: () => SliceShare;
  readonly journal: Pick<Journal, "readDue">;
  /** Starts the actors of these ids, wherever they run, unless they run. May be lost. */
  wake(ids: readonly string[]): void;
  log(message: string, fields: Record<string, unknown>): void;
}

/** See the module's text. */
export class DueService {
  readonly #port: DuePort;
  readonly #own = new DueIds();
  readonly #overdue = new DueIds();
  #overdueAt = -Infinity;
  #look: Timer | undefined;
  #alarm: Timer | undefined;
  #failing = false;
  #stuckLogged = false;
  #closed = false;

  /** Looks at once. */
  constructor(port: DuePort) {
    this.#port = port;
    this.#lookIn(0);
  }

  /** Ids in memory. */
  get size(): number {
    return this.#own.size + this.#overdue.size;
  }

  /** No look begins after it. */
  close(): void {
    this.#closed = true;
    this.#look?.cancel();
    this.#alarm?.cancel();
  }

  #lookIn(delay: number): void {
    if (this.#closed) return;
    this.#look = this.#port.clock.schedule(delay, () => {
      this.#read().then(
        (isFull) => this.#onRead(isFull),
        (error) => this.#onFailed(error),
      );
    });
  }

  #onRead(isFull: boolean): void {
    this.#failing = false;
    this.#lookIn(isFull ? busyInterval : this.#port.interval);
  }

  /** The store is away: what was read before is called nevertheless. */
  #onFailed(error: unknown): void {
    if (!this.#failing && !this.#closed) {
      this.#port.log("reminders that are due cannot be read", { error });
    }
    this.#failing = true;
    this.#lookIn(this.#port.interval);
  }

  /** Returns whether there is more to read. */
  async #read(): Promise<boolean> {
    const { clock, interval, share } = this.#port;
    const { own, others } = share();
    const wall = Math.floor(clock.wallTime());
    const isFull = await this.#readInto(this.#own, own === undefined ? [] : [own], wall + interval);
    const now = clock.now();
    if (now - this.#overdueAt < overdueAfter || !rules.overdueIsCalledByAll) return isFull;
    this.#overdueAt = now;
    const isOverdueFull = await this.#readInto(this.#overdue, others, wall - overdueAfter);
    return isFull || isOverdueFull;
  }

  async #readInto(ids: DueIds, ranges: readonly SliceRange[], before: number): Promise<boolean> {
    const limit = ids.pageLimit;
    const found: DueLog[] = [];
    for (const slices of ranges) {
      if (found.length < limit) {
        found.push(
          ...await this.#port.journal.readDue({ slices, before, limit: limit - found.length }),
        );
      }
    }
    if (this.#closed) return false;
    ids.onPage(found);
    this.#call(ids.take(this.#port.clock.wallTime(), true));
    this.#logStuck(ids);
    return found.length >= limit && limit < maxKept;
  }

  #call(ids: readonly string[]): void {
    const { clock, wake } = this.#port;
    if (ids.length > 0) wake(ids);
    this.#alarm?.cancel();
    const wait = this.#own.next - clock.wallTime();
    if (wait === Infinity) return;
    this.#alarm = clock.schedule(Math.max(1, wait), () => {
      this.#call(this.#own.take(clock.wallTime(), false));
    });
  }

  #logStuck(ids: DueIds): void {
    const isStuck = ids.stuck >= maxKept / 2;
    if (isStuck && !this.#stuckLogged) {
      const { stuck } = ids;
      this.#port.log("many actors are called for their reminders, and do not answer", { stuck });
    }
    this.#stuckLogged = isStuck;
  }
}
