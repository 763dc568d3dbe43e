import type { Clock, Timer } from "../../runtime/clock.ts";
import { ActorError } from "../errors.ts";
import { maxDelay } from "./timers.ts";

/** What a receive timeout needs from its cell. */
export interface ReceiveTimeoutOwner {
  /** Puts the end of a quiet time in order with the messages. */
  notice(notice: ReceiveTimedOut): void;
}

/** An actor has handled no message for a while. */
export interface ReceiveTimedOut {
  readonly type: "receiveTimedOut";
  readonly source: ReceiveTimeout;
}

/**
 * Tells an actor that nothing has come for a while. One timer, which is not touched by a message:
 * when it fires it looks when the last one came, and waits for the rest.
 */
export class ReceiveTimeout {
  /** What the actor hears. */
  readonly message: unknown;
  readonly #owner: ReceiveTimeoutOwner;
  readonly #clock: Clock;
  readonly #timeout: number;
  #timer: Timer | undefined;
  /** When the last message was handled. */
  #last: number;

  /**
   * Begins to wait.
   *
   * @throws {ActorError} code `badDelay`.
   */
  constructor(owner: ReceiveTimeoutOwner, clock: Clock, timeout: number, message: unknown) {
    if (!(timeout >= 1 && timeout <= maxDelay)) {
      throw new ActorError("badDelay", `a receive timeout cannot be ${timeout} ms`, {
        value: timeout,
        remedy: `use 1 to ${maxDelay} milliseconds`,
      });
    }
    this.message = message;
    this.#owner = owner;
    this.#clock = clock;
    this.#timeout = timeout;
    this.#last = clock.now();
    this.#wait(timeout);
  }

  /** A message is handled now. */
  received(): void {
    this.#last = this.#clock.now();
  }

  /** Ends it. */
  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Whether nothing has come since the time was up, so that its message is due. Waits anew. */
  claim(): boolean {
    if (this.#timer === undefined) return false;
    const due = this.#clock.now() - this.#last >= this.#timeout;
    if (due) this.received();
    this.#wait(this.#last + this.#timeout - this.#clock.now());
    return due;
  }

  #wait(delay: number): void {
    this.#timer = this.#clock.schedule(delay, () => {
      const rest = this.#last + this.#timeout - this.#clock.now();
      if (rest > 0) this.#wait(rest);
      else this.#owner.notice({ type: "receiveTimedOut", source: this });
    });
  }
}
