import type { Timer } from "../../runtime/clock.ts";
import type { EventLoop } from "./event_loop.ts";

/** Something that happens at a moment of virtual time. */
export class SimulatedEvent implements Timer {
  /** Whether it does not happen after all. */
  cancelled = false;

  readonly due: number;
  /** Breaks ties: what was scheduled first happens first. */
  readonly order: number;
  readonly task: () => void;
  /** The event loop that it happens on. */
  readonly loop: EventLoop | undefined;

  constructor(due: number, order: number, task: () => void, loop: EventLoop | undefined) {
    this.due = due;
    this.order = order;
    this.task = task;
    this.loop = loop;
  }

  cancel(): void {
    this.cancelled = true;
  }
}

/** Events by time: a binary heap, earliest first. */
export class EventQueue {
  readonly #heap: SimulatedEvent[] = [];

  /** How many wait, cancelled ones included. */
  get size(): number {
    return this.#heap.length;
  }

  push(event: SimulatedEvent): void {
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
  pop(end: number): SimulatedEvent | undefined {
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

  #sink(event: SimulatedEvent): void {
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

function before(a: SimulatedEvent, b: SimulatedEvent): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}
