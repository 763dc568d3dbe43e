import { ActorError } from "../actor/errors.ts";
import { CircuitBreaker } from "../actor/services/circuit_breaker.ts";
import type { Clock } from "../runtime/clock.ts";
import { PersistenceError } from "./errors.ts";
import { storeClosed } from "./journal_errors.ts";

/** What a {@linkcode StoreGuard} is made of. */
export interface StoreGuardOptions {
  /** Of the store. */
  readonly name: string;
  /** Entries that may wait. */
  readonly maxWaiting: number;
  /** Milliseconds after which a call counts as failed. */
  readonly callTimeout: number;
  /** Milliseconds without calls after 10 failures. Undefined: 15 000. */
  readonly resetTimeout?: number | undefined;
  /** Time. */
  readonly clock: Clock;
}

/**
 * Stands between actors and a store that may fail: bounds what waits for it, and after 10 failures in a
 * row keeps calls from it for 15 s (the defaults of {@linkcode CircuitBreaker}), so that asks fail at
 * once instead of piling up.
 */
export class StoreGuard {
  readonly #name: string;
  readonly #maxWaiting: number;
  readonly #breaker: CircuitBreaker;
  #isClosed = false;

  constructor({ name, maxWaiting, callTimeout, resetTimeout, clock }: StoreGuardOptions) {
    this.#name = name;
    this.#maxWaiting = maxWaiting;
    this.#breaker = new CircuitBreaker({
      callTimeout,
      clock,
      ...(resetTimeout !== undefined && { resetTimeout }),
    });
  }

  /** From now on everything is refused. */
  close(): void {
    this.#isClosed = true;
  }

  /** Why all calls are refused now; undefined: they are not. */
  get failure(): string | undefined {
    if (this.#isClosed) return storeClosed(this.#name).message;
    // Not longer than calls are refused: a node that gets no work while it is unready tries no call.
    if (!this.#breaker.refuses) return undefined;
    return `${this.#name} is not called: it has failed several times in a row`;
  }

  /** Why no more entries are taken while so many wait; undefined: they are. */
  refusal(waiting: number, more: number): PersistenceError | undefined {
    if (this.#isClosed) return storeClosed(this.#name);
    // What comes when nothing waits is taken, however much it is: it cannot be divided.
    if (waiting === 0 || waiting + more <= this.#maxWaiting) return undefined;
    return new PersistenceError(
      "storeUnavailable",
      `${this.#name}: ${waiting} entries wait already`,
      {
        value: this.#maxWaiting,
        remedy: "let clients repeat it later, or give the store a faster disk or more connections",
      },
    );
  }

  /**
   * Calls the store, unless it has failed lately.
   *
   * @throws {PersistenceError} code `storeUnavailable`: it was not called; `outcomeUnknown`: it has not
   * answered within `callTimeout`. Whatever `work` throws.
   */
  async run<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await this.#breaker.run(work);
    } catch (cause) {
      if (!(cause instanceof ActorError)) throw cause;
      const isOpen = cause.code === "circuitOpen";
      throw new PersistenceError(
        isOpen ? "storeUnavailable" : "outcomeUnknown",
        isOpen
          ? `${this.#name} is not called: it has failed several times in a row`
          : `${this.#name} has not answered: ${cause.message}`,
        {
          value: cause.value,
          cause,
          remedy: isOpen
            ? `see the errors before this one; it is tried again in ${
              Math.ceil(Number(cause.value))
            } ms`
            : "see whether the store still works; actors that were writing recover",
        },
      );
    }
  }
}
