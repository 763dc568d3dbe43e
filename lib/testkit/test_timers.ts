import type { ActorTimers } from "../actor/behavior/context.ts";
import { checkValue } from "../options/check_options.ts";
import { timerDelay } from "../options/tables/actor_tables.ts";
import type { Effect } from "./effect.ts";
import { TestkitError } from "./errors.ts";

interface Entry {
  readonly message: unknown;
  readonly repeated: boolean;
}

/** The timers of a behaviour under test: they fire when the test says so. */
export class TestTimers implements ActorTimers<unknown> {
  readonly #entries = new Map<string, Entry>();
  readonly #checkAlive: (what: string) => void;
  readonly #record: (effect: Effect) => void;

  /** No timer yet. `checkAlive` throws if the actor has stopped. */
  constructor(checkAlive: (what: string) => void, record: (effect: Effect) => void) {
    this.#checkAlive = checkAlive;
    this.#record = record;
  }

  /** Keys of the timers that would fire. */
  get active(): readonly string[] {
    return [...this.#entries.keys()];
  }

  startSingle(key: string, message: unknown, delay: number): void {
    this.#start(key, message, delay, false);
  }

  startFixedDelay(key: string, message: unknown, interval: number): void {
    this.#start(key, message, interval, true);
  }

  cancel(key: string): void {
    this.#entries.delete(key);
    this.#record({ type: "timerCancelled", key });
  }

  /**
   * The message of a timer, which has fired now.
   *
   * @throws {TestkitError} code `noSuchTimer`.
   */
  fire(key: string): unknown {
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      const active = this.active.length === 0 ? "there is none" : `active: ${this.active}`;
      throw new TestkitError(
        "noSuchTimer",
        `no timer ${JSON.stringify(key)} is active; ${active}`,
        {
          value: key,
        },
      );
    }
    if (!entry.repeated) this.#entries.delete(key);
    return entry.message;
  }

  /** Ends all, because the actor stops or begins again. */
  clear(): void {
    this.#entries.clear();
  }

  #start(key: string, message: unknown, delay: number, repeated: boolean): void {
    this.#checkAlive("can set no timer");
    checkValue("delay", timerDelay, delay);
    this.#entries.set(key, { message, repeated });
    this.#record({ type: "timerStarted", key, message, delay, repeated });
  }
}
