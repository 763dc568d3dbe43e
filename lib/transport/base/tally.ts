/** Counts by key; a key whose count is 0 takes no memory. */
export class Tally {
  readonly #counts = new Map<string, number>();

  /** The count of a key. */
  of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  /** Adds to the count of a key; it never falls below 0. */
  add(key: string, change: number): void {
    const count = this.of(key) + change;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }
}
