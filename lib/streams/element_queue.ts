/** Places in front that are given back at once, not one by one. */
const slack = 64;

/** An unbounded queue: its owner bounds it. */
export class ElementQueue<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  /** How many wait. */
  get size(): number {
    return this.#items.length - this.#head;
  }

  /** Adds at the end. */
  push(item: T): void {
    this.#items.push(item);
  }

  /** Takes the oldest. Only when `size` is above 0. */
  shift(): T {
    const item = this.#items[this.#head] as T;
    this.#items[this.#head++] = undefined;
    if (this.#head === this.#items.length) this.clear();
    else if (this.#head >= slack && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Forgets all. */
  clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}
