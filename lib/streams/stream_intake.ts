/**
 * The decisions of a consumer, without actors: how much demand is out, and whether an element is
 * the next one.
 *
 * Demand is refilled when half of the window is used up, so that it costs one message for several
 * elements.
 */
export class StreamIntake {
  readonly #window: number;
  #requested: number;
  #received = 0;
  #consumed = 0;

  /** `window`: elements that may be on their way or wait here at once, at least 1. */
  constructor(window: number) {
    this.#window = window;
    this.#requested = window;
  }

  /** Requested elements, in all. */
  get requested(): number {
    return this.#requested;
  }

  /** Elements that have arrived, in all. */
  get received(): number {
    return this.#received;
  }

  /** Takes an element; false if it is not the next, or was not requested. */
  accept(sequence: number): boolean {
    if (sequence !== this.#received + 1 || sequence > this.#requested) return false;
    this.#received = sequence;
    return true;
  }

  /** An element was consumed. Returns the new total to request, if it is time to. */
  consume(): number | undefined {
    this.#consumed++;
    const total = this.#consumed + this.#window;
    if ((total - this.#requested) * 2 < this.#window) return undefined;
    this.#requested = total;
    return total;
  }
}
