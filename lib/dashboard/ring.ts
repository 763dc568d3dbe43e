/** Keeps the last values. */
export class Ring<T> {
  readonly #capacity: number;
  #values: T[] = [];

  /** Keeps `capacity` values. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Adds one; the oldest goes if there is no room. */
  push(value: T): void {
    this.#values.push(value);
    // In strides: to shift an array for each value would cost its length.
    if (this.#values.length >= this.#capacity * 2) {
      this.#values = this.#values.slice(-this.#capacity);
    }
  }

  /** The values, the oldest first; at most the last `count`. */
  last(count: number = this.#capacity): readonly T[] {
    return this.#values.slice(-Math.min(count, this.#capacity));
  }

  /** Forgets all. */
  clear(): void {
    this.#values = [];
  }
}
