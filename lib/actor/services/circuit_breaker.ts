import type { Clock } from "../../runtime/clock.ts";
import { systemClock } from "../../runtime/system_clock.ts";
import { ActorError } from "../errors.ts";
import { resolveOptions } from "../../options/check_options.ts";
import { circuitBreakerTable } from "../../options/tables/actor_tables.ts";

/**
 * - `"closed"`: calls go through.
 * - `"open"`: calls are refused at once.
 * - `"halfOpen"`: one call is tried; its end decides.
 */
export type CircuitState = "closed" | "open" | "halfOpen";

/** When a circuit breaker opens, and for how long. */
export interface CircuitBreakerOptions {
  /** Failures in a row after which it opens, 1 or more. Default 10. */
  readonly maxFailures?: number;
  /** Milliseconds after which a call counts as failed, 1 to 2 147 483 647. Default 10 000. */
  readonly callTimeout?: number;
  /** Milliseconds that it stays open, 1 to 2 147 483 647. Default 15 000. */
  readonly resetTimeout?: number;
  /** Called with each change. Its errors are ignored. */
  readonly onChange?: (state: CircuitState) => void;
  /** Time. Default: the machine's. In an actor: `context.system.runtime.clock`. */
  readonly clock?: Clock;
}

/**
 * Keeps calls from a service that is failing (Nygard, Release It!; the numbers are Akka's). After
 * `maxFailures` failures in a row it refuses all calls for `resetTimeout`, then tries one: if that
 * succeeds the circuit closes, otherwise it stays open for another `resetTimeout`.
 *
 * @example
 * ```ts
 * import { ActorError, CircuitBreaker } from "@casty/casty";
 *
 * const breaker = new CircuitBreaker({ maxFailures: 1 });
 * await breaker.run(() => Promise.reject(new Error("database is away"))).catch(() => {});
 * const error = await breaker.run(() => "not called").catch((error) => error);
 * console.assert(error instanceof ActorError && error.code === "circuitOpen");
 * ```
 */
export class CircuitBreaker {
  readonly #clock: Clock;
  readonly #maxFailures: number;
  readonly #callTimeout: number;
  readonly #resetTimeout: number;
  readonly #onChange: (state: CircuitState) => void;
  #state: CircuitState = "closed";
  #failures = 0;
  #openUntil = 0;
  /** Changes with the state: results of calls from before a change do not count. */
  #era = 0;

  /**
   * Closed.
   *
   * @throws {OptionError}
   */
  constructor(options: CircuitBreakerOptions = {}) {
    const resolved = resolveOptions(circuitBreakerTable, options);
    this.#maxFailures = resolved.maxFailures;
    this.#callTimeout = resolved.callTimeout;
    this.#resetTimeout = resolved.resetTimeout;
    this.#clock = resolved.clock ?? systemClock;
    this.#onChange = resolved.onChange ?? (() => {});
  }

  /** Open becomes half open with the first call after `resetTimeout`. */
  get state(): CircuitState {
    return this.#state;
  }

  /** Whether a call now would be refused. */
  get refuses(): boolean {
    if (this.#state === "open") return this.#clock.now() < this.#openUntil;
    return this.#state === "halfOpen";
  }

  /**
   * Calls `work`, unless the breaker is open. Its signal is aborted after `callTimeout`; its result is
   * ignored then.
   *
   * @throws {ActorError} code `circuitOpen`, its value the milliseconds until a call is tried again;
   * code `circuitTimeout` for a call that took too long. Whatever `work` throws.
   */
  run<T>(work: (signal: AbortSignal) => PromiseLike<T> | T): Promise<T> {
    const now = this.#clock.now();
    if (this.#state === "open" && now >= this.#openUntil) this.#change("halfOpen");
    else if (this.#state !== "closed") return Promise.reject(this.#refusal(now));
    const era = this.#era;
    const controller = new AbortController();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    let over = false;
    const end = (worked: boolean, settle: () => void): void => {
      if (over) return;
      over = true;
      timer.cancel();
      settle();
      if (era === this.#era) this.#count(worked);
    };
    const timer = this.#clock.schedule(this.#callTimeout, () => {
      const error = new ActorError("circuitTimeout", `no end within ${this.#callTimeout} ms`, {
        value: this.#callTimeout,
        remedy: "raise callTimeout if calls may take that long",
      });
      end(false, () => reject(error));
      controller.abort(error);
    });
    begin(work, controller.signal).then(
      (value) => end(true, () => resolve(value)),
      (error) => end(false, () => reject(error)),
    );
    return promise;
  }

  #count(worked: boolean): void {
    if (worked) {
      this.#failures = 0;
      if (this.#state === "halfOpen") this.#change("closed");
    } else if (this.#state === "halfOpen" || ++this.#failures >= this.#maxFailures) {
      this.#openUntil = this.#clock.now() + this.#resetTimeout;
      this.#change("open");
    }
  }

  #change(state: CircuitState): void {
    this.#state = state;
    this.#failures = 0;
    this.#era++;
    try {
      this.#onChange(state);
    } catch {
      // A listener that throws must not stop the breaker.
    }
  }

  #refusal(now: number): ActorError {
    const rest = Math.max(0, this.#openUntil - now);
    return new ActorError("circuitOpen", "the circuit is open: calls have failed lately", {
      value: rest,
      remedy: rest > 0 ? `try again in ${Math.ceil(rest)} ms` : "wait for the call that is tried",
    });
  }
}

/** Calls synchronously; a thrown error becomes a rejection. */
async function begin<T>(
  work: (signal: AbortSignal) => PromiseLike<T> | T,
  signal: AbortSignal,
): Promise<T> {
  return await work(signal);
}
