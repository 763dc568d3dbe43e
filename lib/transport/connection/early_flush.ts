import { segmentSize } from "./segment.ts";

/** Fewest messages for which a write of their own is worth its cost. */
const leastMessages = 32;

/** Bytes after which a write begins, however few messages they are. */
const manyBytes = segmentSize / 2;

/**
 * When a turn of the event loop writes what it has queued before it ends. One write for all messages
 * of a turn is cheapest, but then two processes that answer each other work in lock step: each waits
 * while the other handles all that is outstanding. So the first half of a long turn is written while
 * the rest is made. Its length is known only afterwards, so that of the longest recent turn is taken:
 * that of the last one would leave a small batch and a large one small and large for ever. At most one
 * early write in a turn.
 */
export class EarlyFlush {
  /** How many messages are half of a turn. */
  #half = leastMessages;
  /** Messages of this turn that an early write has taken. */
  #taken = 0;
  #isOver = false;

  /** Whether a write should begin, `messages` and `bytes` being queued in a turn that goes on. */
  isDue(messages: number, bytes: number): boolean {
    return !this.#isOver && (messages >= this.#half || bytes >= manyBytes);
  }

  /** It was due and has taken `messages`, maybe none: no other is due before the turn ends. */
  took(messages: number): void {
    this.#taken = messages;
    this.#isOver = true;
  }

  /** The turn is over; `messages` are queued that no early write has taken. */
  endTurn(messages: number): void {
    const half = (this.#taken + messages) >> 1;
    const kept = this.#half - (this.#half >> 4);
    this.#half = Math.max(leastMessages, kept, half);
    this.#taken = 0;
    this.#isOver = false;
  }
}
