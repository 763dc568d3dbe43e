interface Entry {
  readonly at: number;
  readonly order: number;
  readonly task: () => void;
}

/** Tasks in order of their time; those of one time in the order of their scheduling. */
export class EventQueue {
  readonly #heap: Entry[] = [];
  #order = 0;

  push(at: number, task: () => void): void {
    const heap = this.#heap;
    const entry = { at, order: this.#order++, task };
    let i = heap.length;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = entry;
  }

  pop(): { readonly at: number; readonly task: () => void } | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || first === last) return first;
    let i = 0;
    while (true) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last!)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last!;
    return first;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
