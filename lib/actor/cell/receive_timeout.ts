import { checkValue } from "../../options/check_options.ts";
import { timerInterval } from "../../options/tables/actor_tables.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";

/** What a receive timeout needs from its cell. */
export interface ReceiveTimeoutOwner {
  /** Puts the end of a quiet time in order with the messages. */
  enqueueSystem(message: ReceiveTimedOut): void;
}

/** An actor has handled no message for a while. */
export interface ReceiveTimedOut {
  readonly type: "receiveTimedOut";
  readonly source: ReceiveTimeout;
}

/**
 * Tells an actor that it has had no message for a while. One timer, which messages do not touch:
 * when it fires it compares with the time of the last message, and waits for the rest.
 */
export class ReceiveTimeout {
  /** What the actor is sent. */
  readonly message: unknown;
  readonly #owner: ReceiveTimeoutOwner;
  readonly #clock: Clock;
  readonly #timeout: number;
  #timer: Timer | undefined;
  /** When the last message was handled. */
  #last: number;

  /**
   * Starts to wait.
   *
   * @throws {OptionError}
   */
  constructor(owner: ReceiveTimeoutOwner, clock: Clock, timeout: number, message: unknown) {
    checkValue("timeout", timerInterval, timeout);
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

  /** Whether no message was handled since it fired, so that its own is due. Starts to wait again. */
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
      else this.#owner.enqueueSystem({ type: "receiveTimedOut", source: this });
    });
  }
}
