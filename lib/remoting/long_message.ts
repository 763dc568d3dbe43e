import type { Clock } from "../runtime/clock.ts";
import { type LongRead, turnTime, turnValues } from "../transport/connection/read_turns.ts";
import type { Decoder } from "../wire/decoder.ts";

/** Bodies of fewer bytes are decoded at once: that takes less than a turn, whatever they hold. */
export const shortBody = 4_096;

/** Says what comes of a message that is decoded in steps. */
export interface LongMessageOwner {
  /** A step begins: others may have been read since the last one. */
  onStep(): void;
  /** The message is whole. Returns another that has to be read before the next. */
  onDecoded(message: unknown): LongRead | undefined;
  /** It cannot be decoded. Returns how its bytes are read once more, if they are. */
  onError(error: unknown): LongRead | undefined;
}

/**
 * A message that is decoded in steps of a turn each, so that a large one does not hold the event
 * loop.
 */
export class LongMessage implements LongRead {
  done = false;
  readonly #decoder: Decoder;
  readonly #clock: Clock;
  readonly #owner: LongMessageOwner;
  #counted = 0;
  #next: LongRead | undefined;

  constructor(decoder: Decoder, clock: Clock, owner: LongMessageOwner) {
    this.#decoder = decoder;
    this.#clock = clock;
    this.#owner = owner;
  }

  step(): number {
    if (this.#next !== undefined) {
      const values = this.#next.step();
      this.done = this.#next.done;
      return values;
    }
    this.#decode();
    const { work } = this.#decoder;
    const done = work - this.#counted;
    this.#counted = work;
    return done;
  }

  #decode(): void {
    this.#owner.onStep();
    try {
      const decoder = this.#decoder;
      const isOver = turnOf(this.#clock);
      const most = decoder.work + turnValues;
      // A piece of a long text takes as long as many values.
      const whole = decoder.step(() => isOver() || decoder.work >= most);
      if (whole === undefined) return;
      this.#next = this.#owner.onDecoded(whole[0]);
    } catch (error) {
      this.#next = this.#owner.onError(error);
    }
    this.done = this.#next === undefined;
  }
}

/** Values between two questions of a decoder. */
const valuesBetween = 64;

/** Says whether a turn that begins now is over. */
export function turnOf(clock: Clock): () => boolean {
  const end = clock.now() + turnTime;
  // On virtual time, values are all that bounds a turn.
  let left = turnValues / valuesBetween;
  return () => --left <= 0 || clock.now() >= end;
}
