/** The lowest of the numbers that were added, so many at most. Pure. */
export class FirstPositions {
  readonly #most: number;
  #kept: number[] = [];
  /** Numbers from here on are not among the lowest. */
  #bound = Infinity;

  /** `most`: at least 1. */
  constructor(most: number) {
    this.#most = most;
  }

  /** False: it is too high, as are all that are higher. */
  add(position: number): boolean {
    if (position >= this.#bound) return false;
    this.#kept.push(position);
    if (this.#kept.length >= 2 * this.#most) this.#drop();
    return true;
  }

  /** In their order. */
  get lowest(): readonly number[] {
    this.#drop();
    return this.#kept;
  }

  /** Whether there are as many as may be: higher ones may have been left out. */
  get isFull(): boolean {
    return this.#kept.length >= this.#most;
  }

  #drop(): void {
    this.#kept.sort((a, b) => a - b);
    if (this.#kept.length < this.#most) return;
    this.#kept.length = this.#most;
    this.#bound = this.#kept.at(-1)!;
  }
}
