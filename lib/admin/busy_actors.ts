/** Actors that are counted at once. */
const capacity = 1_024;
/** How many remain of each order when there are more. */
const kept = 256;
/** Characters of a path that are shown; an entity id may be longer. */
const maxPath = 300;

interface Counts {
  readonly path: string;
  messages: number;
  ms: number;
}

/** What one actor has done in a window. */
export interface BusyActor {
  readonly path: string;
  readonly messages: number;
  /** Milliseconds in handlers, their promises included. */
  readonly handlerTime: number;
}

/** What the actors of a node have done in a window. */
export interface BusyReport {
  /** Milliseconds; 0 in the first report, which begins the measurement. */
  readonly window: number;
  readonly messages: number;
  readonly handlerTime: number;
  /** The busiest, by handler time and by messages; at most the requested number of each. */
  readonly actors: readonly BusyActor[];
  /** Whether so many actors were busy that quieter ones were forgotten in between. */
  readonly incomplete: boolean;
}

/**
 * Counts what actors do, in bounded memory: if there are too many, the quieter ones are forgotten.
 * Pure: the time is an argument.
 */
export class BusyActors {
  #actors = new Map<string, Counts>();
  #messages = 0;
  #ms = 0;
  #incomplete = false;
  #since: number;

  /** Counts from a time on. */
  constructor(now: number) {
    this.#since = now;
  }

  /** An actor has handled messages, in so many milliseconds together. */
  add(path: string, ms: number, messages: number): void {
    this.#messages += messages;
    this.#ms += ms;
    let counts = this.#actors.get(path);
    if (counts === undefined) {
      if (this.#actors.size >= capacity) this.#forgetQuiet();
      this.#actors.set(path, counts = { path, messages: 0, ms: 0 });
    }
    counts.messages += messages;
    counts.ms += ms;
  }

  /** The window up to now; begins the next one. */
  take(now: number, limit: number): BusyReport {
    const report = {
      window: now - this.#since,
      messages: this.#messages,
      handlerTime: this.#ms,
      actors: this.#busiest(limit).map(({ path, messages, ms }) => ({
        path: path.slice(0, maxPath),
        messages,
        handlerTime: ms,
      })),
      incomplete: this.#incomplete,
    };
    this.#actors = new Map();
    this.#messages = 0;
    this.#ms = 0;
    this.#incomplete = false;
    this.#since = now;
    return report;
  }

  #busiest(limit: number): Counts[] {
    const all = [...this.#actors.values()];
    const byTime = all.toSorted((a, b) => b.ms - a.ms || b.messages - a.messages);
    const byMessages = all.toSorted((a, b) => b.messages - a.messages || b.ms - a.ms);
    return [...new Set([...byTime.slice(0, limit), ...byMessages.slice(0, limit)])];
  }

  /** At least half of the places become free, so that this is rare. */
  #forgetQuiet(): void {
    this.#incomplete = true;
    this.#actors = new Map(this.#busiest(kept).map((counts) => [counts.path, counts]));
  }
}
