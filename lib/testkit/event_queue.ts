import type { Timer } from "../runtime/clock.ts";

/** Executes events: the event loop of a simulated node. */
export interface EventSink {
  /** Index of the node. */
  readonly owner: number;
  /** The event is due. */
  fire(event: QueuedEvent): void;
}

/** Something that happens at a moment of virtual time. */
export class QueuedEvent implements Timer {
  /** Whether it does not happen after all. */
  cancelled = false;
  /** When, milliseconds of virtual time. */
  due: number;
  /** Breaks ties: what was scheduled first happens first. */
  readonly order: number;
  /** The action. */
  readonly task: () => void;
  /** Its executor; undefined: the caller that advances time. */
  readonly sink: EventSink | undefined;

  /** Made by `VirtualClock.schedule`. */
  constructor(due: number, order: number, task: () => void, sink: EventSink | undefined) {
    this.due = due;
    this.order = order;
    this.task = task;
    this.sink = sink;
  }

  cancel(): void {
    this.cancelled = true;
  }

  /** Carries it out. */
  run(): void {
    if (this.sink === undefined) this.task();
    else this.sink.fire(this);
  }
}

/** Events by time: a binary heap, earliest first. */
export class EventQueue {
  readonly #heap: QueuedEvent[] = [];

  /** How many wait, cancelled ones included. */
  get size(): number {
    return this.#heap.length;
  }

  /** Number of events that were not cancelled. O(n). */
  count(): number {
    let count = 0;
    for (const { cancelled } of this.#heap) if (!cancelled) count++;
    return count;
  }

  /** Moves all events that `sink` carries out. */
  postpone(sink: EventSink, by: number): void {
    if (by === 0) return;
    const all = this.#heap.splice(0);
    for (const event of all) {
      if (event.sink === sink) event.due += by;
      this.push(event);
    }
  }

  push(event: QueuedEvent): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(event, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = event;
  }

  /** Takes the next event that is due by `end` and was not cancelled. */
  pop(end: number): QueuedEvent | undefined {
    const heap = this.#heap;
    while (heap.length > 0) {
      const top = heap[0]!;
      if (!top.cancelled && top.due > end) return undefined;
      const last = heap.pop()!;
      if (heap.length > 0) this.#sink(last);
      if (!top.cancelled) return top;
    }
    return undefined;
  }

  #sink(event: QueuedEvent): void {
    const heap = this.#heap;
    const { length } = heap;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= length) break;
      if (child + 1 < length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, event)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = event;
  }
}

function before(a: QueuedEvent, b: QueuedEvent): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}
