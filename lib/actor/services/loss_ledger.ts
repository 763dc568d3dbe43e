import type { DeadLetterReason } from "./dead_letter.ts";

/** The counts of a {@linkcode LossLedger} at one moment. */
export interface LedgerSnapshot {
  /** Messages sent to local actors, and messages lost on their way to others. */
  readonly sent: number;
  /** Messages that a handler was called with. */
  readonly delivered: number;
  /** Messages that were lost, by reason. */
  readonly deadLetters: Readonly<Partial<Record<DeadLetterReason, number>>>;
  /** Messages that wait in mailboxes. `sent` = `delivered` + dead letters + `inFlight`. */
  readonly inFlight: number;
}

/** Counts every message of a system, so that none is lost without a trace. */
export class LossLedger {
  /** Messages sent. */
  sent = 0;
  /** Messages handled. */
  delivered = 0;
  readonly #deadLetters = new Map<DeadLetterReason, number>();
  readonly #waiting: () => number;

  /** `waiting` counts the messages in mailboxes. */
  constructor(waiting: () => number) {
    this.#waiting = waiting;
  }

  /** One message is lost. */
  addDeadLetter(reason: DeadLetterReason): void {
    this.#deadLetters.set(reason, (this.#deadLetters.get(reason) ?? 0) + 1);
  }

  /** The messages that were lost, by reason. */
  get deadLetters(): ReadonlyMap<DeadLetterReason, number> {
    return this.#deadLetters;
  }

  /** The counts now. Walks all mailboxes. */
  snapshot(): LedgerSnapshot {
    return {
      sent: this.sent,
      delivered: this.delivered,
      deadLetters: Object.fromEntries(this.#deadLetters),
      inFlight: this.#waiting(),
    };
  }
}
