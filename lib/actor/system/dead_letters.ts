import { messageOf } from "../ref/sent_message.ts";
import type { LimitedLog } from "../../runtime/limited_log.ts";
import type { DeadLetter, DeadLetterReason } from "../services/dead_letter.ts";
import { DeadLetterLog } from "./dead_letter_log.ts";
import type { EventStream } from "../services/event_stream.ts";
import type { LossLedger } from "../services/loss_ledger.ts";
import type { AskFailure } from "../ref/held_ask.ts";

/** Counts, logs and publishes every message that is not delivered. */
export class DeadLetters {
  readonly #ledger: LossLedger;
  readonly #eventStream: EventStream;
  readonly #log: DeadLetterLog;
  /** Fails the ask that the message was sent by. */
  readonly #onLost: (message: unknown, target: string, failure: AskFailure) => void;
  #publishing = false;
  #suppressed = false;

  constructor(
    log: LimitedLog,
    ledger: LossLedger,
    eventStream: EventStream,
    onLost: (message: unknown, target: string, failure: AskFailure) => void,
  ) {
    this.#ledger = ledger;
    this.#eventStream = eventStream;
    this.#log = new DeadLetterLog(log);
    this.#onLost = onLost;
  }

  /** All actors stop: dead letters are logged as `info` from now on. */
  expect(): void {
    this.#log.expect();
  }

  /** From now on dead letters are only counted, not logged or published. */
  suppress(): void {
    this.#suppressed = true;
  }

  /** A message that never reached a mailbox is lost. */
  addUnsent(
    reason: DeadLetterReason,
    target: string,
    message: unknown,
    why?: Omit<AskFailure, "reason">,
  ): void {
    this.#ledger.sent++;
    this.add(reason, target, message, why);
  }

  /** A message that was counted as sent is lost. */
  add(
    reason: DeadLetterReason,
    target: string,
    kept: unknown,
    why?: Omit<AskFailure, "reason">,
  ): void {
    const message = messageOf(kept);
    this.#ledger.addDeadLetter(reason);
    if (!this.#suppressed) this.#log.add(reason, target, message);
    this.#onLost(message, target, { ...why, reason });
    // A listener that loses messages itself, such as a full actor, must not cause an endless loop.
    if (this.#suppressed || this.#publishing || !this.#eventStream.hasListeners("deadLetter")) {
      return;
    }
    this.#publishing = true;
    const letter: DeadLetter = { type: "deadLetter", reason, target, message };
    this.#eventStream.publish(letter);
    this.#publishing = false;
  }
}
