/**
 * The events of one incarnation on their way to the store: one append at a time, and all that was added
 * meanwhile in the next one, so that commands that come fast share a commit. Pure; the caller appends.
 *
 * @module
 */
import { PersistenceError } from "./errors.ts";
import type { AppendEntry, AppendResult, NewEvent } from "./journal.ts";

/** Events that were not stored, or may not have been. */
export type AppendFailure = PersistenceError;

/** See the module's text. */
export class DurableLog {
  readonly #id: string;
  readonly #epoch: number;
  #durable: number;
  /** Undefined: none waits. */
  #waiting: NewEvent[] | undefined = undefined;
  #underWay = 0;
  #failed = false;

  constructor(id: string, epoch: number, lastSeq: number) {
    this.#id = id;
    this.#epoch = epoch;
    this.#durable = lastSeq;
  }

  /** The number of the last event that is durable. */
  get durable(): number {
    return this.#durable;
  }

  /** Whether an append has failed: nothing more is appended. */
  get hasFailed(): boolean {
    return this.#failed;
  }

  /** Adds events, which belong together. The array is the log's from now on. */
  add(events: NewEvent[]): void {
    if (this.#waiting === undefined) this.#waiting = events;
    else for (const event of events) this.#waiting.push(event);
  }

  /** What is to be appended now; undefined: nothing, or an append is under way. */
  next(): AppendEntry | undefined {
    const events = this.#waiting;
    if (this.#failed || this.#underWay > 0 || events === undefined) return undefined;
    this.#waiting = undefined;
    this.#underWay = events.length;
    return { id: this.#id, expectedSeq: this.#durable, epoch: this.#epoch, events };
  }

  /** The append has ended: undefined if its events are durable now. */
  ended(result: AppendResult): PersistenceError | undefined {
    if (result.outcome === "appended") {
      this.#durable += this.#underWay;
      this.#underWay = 0;
      return undefined;
    }
    this.#failed = true;
    const id = this.#id;
    const place = { id, seq: this.#durable + 1 };
    if (result.outcome === "fenced") {
      return new PersistenceError(
        "fenced",
        `${id}: a writer of epoch ${result.epoch} has taken over`,
        {
          value: this.#epoch,
          place,
          remedy: "none is needed: the other one answers now",
        },
      );
    }
    return new PersistenceError(
      "conflict",
      `${id}: the store has event ${result.lastSeq}, expected was ${this.#durable}`,
      {
        value: result.lastSeq,
        place,
        remedy: "let only one actor have this id; after an unknown outcome it recovers by itself",
      },
    );
  }

  /** The append has failed: nothing more is appended. */
  failed(cause: unknown): PersistenceError {
    this.#failed = true;
    const id = this.#id;
    const place = { id, seq: this.#durable + 1 };
    const isUnknown = cause instanceof PersistenceError && cause.code === "outcomeUnknown";
    const why = cause instanceof Error ? cause.message : String(cause);
    return new PersistenceError(
      isUnknown ? "outcomeUnknown" : "notPersisted",
      isUnknown
        ? `${id}: whether event ${place.seq} is stored is not known: ${why}`
        : `${id}: event ${place.seq} was not stored: ${why}`,
      { value: place.seq, place, cause },
    );
  }
}
