import type { AppendEntry, AppendResult, NewEvent } from "../../persistence/journal.ts";
import type { OutputReports } from "../../persistence/output_reports.ts";

/** A promise of durable actors that was broken. */
export interface BrokenDurability {
  /** Which promise. */
  readonly promise:
    | "noAcknowledgedEventLost"
    | "noEventStoredTwice"
    | "oneWriter"
    | "repliesOnlyAfterDurable";
  /** What was seen, with id and number. */
  readonly text: string;
}

/** What happened to appends. */
export interface AppendCounts {
  /** Entries that were stored. */
  readonly appended: number;
  /** Entries that were refused because a higher epoch had opened their id. */
  readonly fenced: number;
  /** Calls that were carried out, or may have been, and were answered with an error. */
  readonly unknown: number;
  /** Calls that failed and stored nothing. */
  readonly refused: number;
  /** Replies and other outputs of durable actors that have left them. */
  readonly outputs: number;
}

interface Log {
  /** The highest epoch that has opened it. */
  epoch: number;
  /** By number: the checksum of what a writer was told is durable. */
  readonly acknowledged: Map<number, number>;
  /** Events up to it may have been deleted. */
  deleted: number;
}

/**
 * What the stores of a simulation have answered, and what was broken of it. It sees each store from
 * outside: what was stored, what its writers were told, and what is there after a failure.
 */
export class JournalLedger {
  /** Promises that were broken, in the order in which that was seen. */
  readonly broken: BrokenDurability[] = [];
  /** See {@linkcode AppendCounts}. */
  readonly counts = { appended: 0, fenced: 0, unknown: 0, refused: 0, outputs: 0 };
  readonly #logs = new Map<string, Log>();
  /** All events that were stored: the writer makes one object for each event. */
  readonly #stored = new WeakSet<NewEvent>();
  /** Those of which their writers were told that they are durable. */
  readonly #durable = new WeakSet<NewEvent>();

  /** An id was opened. `store` tells stores apart. */
  opened(store: string, id: string, epoch: number): void {
    const log = this.#log(store, id);
    log.epoch = Math.max(log.epoch, epoch);
  }

  /** A store has carried out an append. */
  carriedOut(
    store: string,
    entries: readonly AppendEntry[],
    results: readonly AppendResult[],
  ): void {
    entries.forEach(({ id, epoch, events }, index) => {
      const result = results[index]!;
      if (result.outcome === "fenced") this.counts.fenced++;
      if (result.outcome !== "appended") return;
      this.counts.appended++;
      const log = this.#log(store, id);
      if (epoch < log.epoch) {
        this.#report(
          "oneWriter",
          `${id}: epoch ${epoch} has written ${result.lastSeq} after ${log.epoch} had opened it`,
        );
      }
      for (const event of events) {
        if (this.#stored.has(event)) {
          this.#report(
            "noEventStoredTwice",
            `${id}: an event of ${result.lastSeq} was there before`,
          );
        }
        this.#stored.add(event);
      }
    });
  }

  /** The writers have been told the results. */
  acknowledged(
    store: string,
    entries: readonly AppendEntry[],
    results: readonly AppendResult[],
  ): void {
    entries.forEach(({ id, events }, index) => {
      const result = results[index]!;
      if (result.outcome !== "appended") return;
      const { acknowledged } = this.#log(store, id);
      events.forEach((event, place) => {
        acknowledged.set(result.lastSeq - events.length + 1 + place, event.checksum);
        this.#durable.add(event);
      });
    });
  }

  /**
   * What an incarnation reports to. It says which events its outputs are based on; that they are durable
   * is known from the store alone.
   */
  reportsOf(id: string, lastSeq: number): OutputReports {
    /** Events from `first` on; those before are durable. */
    let events: NewEvent[] = [];
    let first = lastSeq + 1;
    /** By output: the number of the last event that it is based on. */
    const decided = new WeakMap<object, number>();
    const checkUpTo = (seq: number, what: string): void => {
      for (let next = first; next <= seq; next++) {
        const event = events[next - first];
        if (event !== undefined && this.#durable.has(event)) continue;
        return this.#report(
          "repliesOnlyAfterDurable",
          `${id}: ${what} before event ${next}` +
            ` was acknowledged`,
        );
      }
      events = events.slice(Math.max(0, seq + 1 - first));
      first = Math.max(first, seq + 1);
    };
    return {
      onEvents: (added) => void events.push(...added),
      onDecided: (output) => void decided.set(output, first + events.length - 1),
      onOutput: (output) => {
        this.counts.outputs++;
        checkUpTo(decided.get(output) ?? Infinity, "an output has left");
      },
      onSent: (seq) => checkUpTo(seq, `a stored message has left`),
    };
  }

  /** Events up to a number, of those that there are, are deleted now or may be. */
  deleting(store: string, id: string, upTo: number): void {
    const log = this.#log(store, id);
    const last = Math.max(0, ...log.acknowledged.keys());
    log.deleted = Math.max(log.deleted, Math.min(upTo, last));
  }

  /** An id was removed with all that is known of it, or gets the content of another store. */
  forgetting(store: string, id: string): void {
    this.#logs.delete(`${store} ${id}`);
  }

  /** The ids of which writers of a store were told that something is durable. */
  ids(store: string): string[] {
    return [...this.#logs.keys()].filter((key) => key.startsWith(`${store} `))
      .map((key) => key.slice(store.length + 1));
  }

  /** What is stored of an id, after a failure or at the end. */
  found(
    store: string,
    id: string,
    events: readonly { readonly seq: number; readonly checksum: number }[],
  ): void {
    const stored = new Map(events.map(({ seq, checksum }) => [seq, checksum]));
    const { acknowledged, deleted } = this.#log(store, id);
    for (const [seq, checksum] of acknowledged) {
      if (seq <= deleted || stored.get(seq) === checksum) continue;
      const what = stored.has(seq) ? "another event is in its place" : "it is not there";
      this.#report("noAcknowledgedEventLost", `${id}: event ${seq} was acknowledged, and ${what}`);
    }
  }

  #log(store: string, id: string): Log {
    const key = `${store} ${id}`;
    let log = this.#logs.get(key);
    if (log === undefined) {
      this.#logs.set(key, log = { epoch: 0, acknowledged: new Map(), deleted: 0 });
    }
    return log;
  }

  #report(promise: BrokenDurability["promise"], text: string): void {
    this.broken.push({ promise, text });
  }
}
