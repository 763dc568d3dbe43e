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
  /** Work of the decoder so far; it is not asked once the message is whole: then it may decode another. */
  #worked: number;
  /** Work that no step has returned yet. */
  #uncounted: number;
  #next: LongRead | undefined;

  /**
   * `worked`: what the decoder has done already, which the next step counts. `next`: the message is decoded,
   * and this has to be read before the next.
   */
  constructor(
    decoder: Decoder,
    clock: Clock,
    owner: LongMessageOwner,
    worked = 0,
    next?: LongRead,
  ) {
    this.#decoder = decoder;
    this.#clock = clock;
    this.#owner = owner;
    this.#worked = worked;
    this.#uncounted = worked;
    this.#next = next;
  }

  step(): number {
    const uncounted = this.#uncounted;
    this.#uncounted = 0;
    if (this.#next === undefined) return uncounted + this.#decode();
    const values = this.#next.step();
    this.done = this.#next.done;
    return uncounted + values;
  }

  /** Returns the work that it was. */
  #decode(): number {
    this.#owner.onStep();
    const before = this.#worked;
    try {
      const whole = this.#decodeOn();
      if (whole === undefined) return this.#worked - before;
      this.#next = this.#owner.onDecoded(whole[0]);
    } catch (error) {
      this.#next = this.#owner.onError(error);
    }
    this.done = this.#next === undefined;
    return this.#worked - before;
  }

  #decodeOn(): [unknown] | undefined {
    try {
      return decodeInTurn(this.#decoder, this.#clock);
    } finally {
      this.#worked = this.#decoder.work;
    }
  }
}

/**
 * Reads as another one does, with more at each step.
 *
 * A class, although an object with a getter would do: the engine makes a hidden class for each such object,
 * which keeps the getter, and all messages that it can reach, until the next full collection.
 */
export class ReadWith implements LongRead {
  readonly #read: LongRead;
  readonly step: () => number;

  /** `step` has to call that of `read`. */
  constructor(read: LongRead, step: () => number) {
    this.#read = read;
    this.step = step;
  }

  get done(): boolean {
    return this.#read.done;
  }
}

/** Decodes on for a turn. Answers and throws as {@linkcode Decoder.step}. */
export function decodeInTurn(decoder: Decoder, clock: Clock): [unknown] | undefined {
  const isOver = turnOf(clock);
  const most = decoder.work + turnValues;
  // A piece of a long text takes as long as many values.
  return decoder.step(() => isOver() || decoder.work >= most);
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
