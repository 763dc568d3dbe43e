/** Items with a time, the earliest first (a binary heap). */
export class DueHeap<T> {
  #items: { readonly at: number; readonly item: T }[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The time of the first. */
  get nextAt(): number | undefined {
    return this.#items[0]?.at;
  }

  /** The first. */
  get next(): { readonly at: number; readonly item: T } | undefined {
    return this.#items[0];
  }

  add(at: number, item: T): void {
    const items = this.#items;
    let index = items.length;
    items.push({ at, item });
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (items[parent]!.at <= at) break;
      this.#swap(index, parent);
      index = parent;
    }
  }

  /** Takes the first, if its time is not after `now`. */
  take(now: number = Infinity): T | undefined {
    const items = this.#items;
    const first = items[0];
    if (first === undefined || first.at > now) return undefined;
    const last = items.pop()!;
    if (items.length > 0) {
      items[0] = last;
      this.#sink();
    }
    return first.item;
  }

  clear(): void {
    this.#items.length = 0;
  }

  /**
   * Leaves out items that are not due any more, if there are many more items than `live`: callers leave
   * such items where they are, so that repeated changes of one would otherwise fill the memory.
   */
  compact(live: number, isDue: (item: T, at: number) => boolean): void {
    if (this.#items.length <= 2 * live + 64) return;
    const kept = this.#items.filter(({ item, at }) => isDue(item, at));
    this.#items = [];
    for (const { at, item } of kept) this.add(at, item);
  }

  #sink(): void {
    const items = this.#items;
    for (let index = 0;;) {
      let least = index;
      for (const child of [2 * index + 1, 2 * index + 2]) {
        if (child < items.length && items[child]!.at < items[least]!.at) least = child;
      }
      if (least === index) return;
      this.#swap(index, least);
      index = least;
    }
  }

  #swap(one: number, other: number): void {
    const items = this.#items;
    [items[one], items[other]] = [items[other]!, items[one]!];
  }
}
