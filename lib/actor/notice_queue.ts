import type { Terminated } from "./signal.ts";
import type { FiredTimer } from "./timers.ts";

/** What comes in order with messages, but has no place in the mailbox and is never dropped. */
export type Notice = Terminated | FiredTimer;

interface Waiting {
  /** Its turn is when all messages before this position have left the mailbox. */
  readonly position: number;
  readonly notice: Notice;
}

/** Signals and timers that wait, in order. */
export class NoticeQueue {
  #waiting: Waiting[] = [];
  #first = 0;

  /** Whether nothing waits. */
  get empty(): boolean {
    return this.#first === this.#waiting.length;
  }

  /** The position of the oldest. Only when not empty. */
  get position(): number {
    return this.#waiting[this.#first]!.position;
  }

  /** Adds one whose turn is at `position`. */
  add(position: number, notice: Notice): void {
    this.#waiting.push({ position, notice });
  }

  /** Takes the oldest. Only when not empty. */
  take(): Notice {
    const { notice } = this.#waiting[this.#first++]!;
    if (this.empty) {
      this.#waiting = [];
      this.#first = 0;
    }
    return notice;
  }
}
