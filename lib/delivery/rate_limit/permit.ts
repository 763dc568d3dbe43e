/**
 * The right to do one piece of work, while it lasts.
 *
 * @module
 */
import type { Clock, Timer } from "../../runtime/clock.ts";
import { rules } from "../../runtime/rules.ts";
import { Elapsed } from "./elapsed.ts";
import { RateLimitError } from "./errors.ts";
import { renewInterval, slotTime } from "./limit_timing.ts";
import type { LimitAnswer } from "./protocol.ts";

/** What work is told about its permit. */
export interface Permit {
  /**
   * Aborted with a {@linkcode RateLimitError} of the code `slotLost` when the limiter may count the work as
   * ended. Work with a limit of concurrency has to stop then.
   */
  readonly signal: AbortSignal;
  /**
   * Throws if the signal is aborted, or has to be: also where a timer could not fire because the process
   * stood still. For the moment before each step of work that must not overlap.
   *
   * @throws {RateLimitError} code `slotLost`.
   */
  readonly check: () => void;
}

/** Keeps the slot of work that runs. */
export class Slot implements Permit {
  readonly #clock: Clock;
  readonly #key: string;
  readonly #abort = new AbortController();
  readonly #ask: () => Promise<LimitAnswer>;
  /** Since the request by which it is held. */
  #held: Elapsed;
  #timers: Timer[] = [];
  #isOver = false;

  /** `ask`: renews it; `held`: since the request. */
  constructor(key: string, clock: Clock, held: Elapsed, ask: () => Promise<LimitAnswer>) {
    this.#key = key;
    this.#clock = clock;
    this.#held = held;
    this.#ask = ask;
    this.#schedule();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** A property: work may take it out of the permit. */
  readonly check = (): void => {
    if (!this.#isOver && this.#held.time >= slotTime) this.#lose();
    this.signal.throwIfAborted();
  };

  /** The work has ended. */
  end(): void {
    this.#isOver = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers = [];
  }

  #schedule(): void {
    for (const timer of this.#timers) timer.cancel();
    const left = Math.max(1, slotTime - this.#held.time);
    this.#timers = [
      this.#clock.schedule(renewInterval, () => void this.#renew()),
      this.#clock.schedule(left, () => this.#lose()),
    ];
  }

  async #renew(): Promise<void> {
    if (this.#isOver) return;
    const held = new Elapsed(this.#clock);
    let answer: LimitAnswer | undefined;
    try {
      answer = await this.#ask();
    } catch {
      // Asked again until the slot has ended.
    }
    if (this.#isOver) return;
    if (answer?.type === "limitLost" || this.#held.time >= slotTime) return this.#lose();
    if (answer?.type === "limitRenewed") this.#held = held;
    this.#schedule();
  }

  #lose(): void {
    if (this.#isOver || !rules.lostSlotsEndTheWork) return;
    this.end();
    this.#abort.abort(
      new RateLimitError("slotLost", `the slot of "${this.#key}" has ended`, 0, {
        value: this.#key,
        remedy: "let the work stop when permit.signal is aborted, and do it again",
      }),
    );
  }
}

/** The permit of work without a limit of concurrency. */
export const unlimitedPermit: Permit = Object.freeze({
  signal: new AbortController().signal,
  check: () => {},
});
