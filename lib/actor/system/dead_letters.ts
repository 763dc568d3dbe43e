import type { LocalRuntime } from "../behavior/actor_system.ts";
import type { DeadLetter, DeadLetterReason } from "../services/dead_letter.ts";
import { DeadLetterLog } from "./dead_letter_log.ts";
import type { EventStream } from "../services/event_stream.ts";
import type { LossLedger } from "../services/loss_ledger.ts";

/** Where every message ends that is not delivered: counted, logged and published. */
export class DeadLetters {
  readonly #ledger: LossLedger;
  readonly #eventStream: EventStream;
  readonly #log: DeadLetterLog;
  /** Fails the ask that the message was sent by. */
  readonly #onLost: (message: unknown, target: string, reason: DeadLetterReason) => void;
  #publishing = false;
  #quiet = false;

  constructor(
    { clock, logger }: LocalRuntime,
    ledger: LossLedger,
    eventStream: EventStream,
    onLost: (message: unknown, target: string, reason: DeadLetterReason) => void,
  ) {
    this.#ledger = ledger;
    this.#eventStream = eventStream;
    this.#log = new DeadLetterLog(clock, logger);
    this.#onLost = onLost;
  }

  /** From now on letters are counted only. */
  beQuiet(): void {
    this.#quiet = true;
  }

  /** A message that never reached a mailbox is lost. */
  addUnsent(reason: DeadLetterReason, target: string, message: unknown): void {
    this.#ledger.sent++;
    this.add(reason, target, message);
  }

  /** A message that was counted as sent is lost. */
  add(reason: DeadLetterReason, target: string, message: unknown): void {
    this.#ledger.addDeadLetter(reason);
    if (!this.#quiet) this.#log.add(reason, target);
    this.#onLost(message, target, reason);
    // A listener that loses messages itself, such as a full actor, must not go round in circles.
    if (this.#quiet || this.#publishing || !this.#eventStream.hears("deadLetter")) return;
    this.#publishing = true;
    const letter: DeadLetter = { type: "deadLetter", reason, target, message };
    this.#eventStream.publish(letter);
    this.#publishing = false;
  }
}
