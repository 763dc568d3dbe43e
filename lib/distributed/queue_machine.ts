import { type DataMachine, type Decision, type Destroyed, destroyed } from "./data_machine.ts";
import { DueHeap } from "./due_heap.ts";
import { ContentSize, type StructureLimits } from "./structure_limits.ts";
import { done, refused } from "./structure_reply.ts";

/** An operation of a queue. Values are as they were written; times are milliseconds. */
export type QueueOperation =
  | { readonly type: "enqueue"; readonly value: Uint8Array }
  | { readonly type: "dequeue" | "peek" | "size" | "destroy" }
  | {
    readonly type: "reserve";
    /** Made up by the consumer: the same one gets the same item again. */
    readonly reservation: string;
    readonly visibility: number;
    readonly maxTries: number;
  }
  | { readonly type: "acknowledge"; readonly reservation: string }
  | { readonly type: "extend"; readonly reservation: string; readonly visibility: number }
  | {
    readonly type: "reject";
    readonly reservation: string;
    /** Before it is given out again. */
    readonly delay: number;
  }
  | { readonly type: "parked"; readonly after: number; readonly limit: number }
  | { readonly type: "unpark"; readonly number: number }
  | { readonly type: "removeParked"; readonly number: number };

/** A change of a queue; items have numbers in the order of their arrival. */
export type QueueEvent =
  | { readonly type: "enqueued"; readonly number: number; readonly value: Uint8Array }
  | { readonly type: "removed"; readonly number: number }
  | {
    readonly type: "reserved";
    readonly number: number;
    readonly reservation: string;
    readonly until: number;
    readonly tries: number;
    readonly maxTries: number;
  }
  | { readonly type: "released"; readonly number: number; readonly until: number }
  | { readonly type: "unparked"; readonly number: number }
  | Destroyed;

/** An item that was given out. */
export interface ReservedItem {
  readonly value: Uint8Array;
  /** How often it was given out, this time included. */
  readonly tries: number;
}

/** An item that is parked. */
export type ParkedItem = readonly [number: number, value: Uint8Array, tries: number];

interface Item {
  readonly value: Uint8Array;
  tries: number;
  /** Of those who were given it, the fewest that park it. */
  maxTries: number;
  /** `waits`: it is given out again at `until`, reserved by nobody. */
  state: "ready" | "reserved" | "waits" | "parked";
  reservation: string | undefined;
  until: number;
}

/** The most bytes of a page of parked items, unless its first is longer. */
const maxPageBytes = 262_144;

/** One queue: first in, first out; an item that comes back takes its place again. */
export class QueueMachine implements DataMachine<QueueOperation, QueueEvent> {
  readonly #items = new Map<number, Item>();
  /** Numbers of ready items; some that are not ready any more, and some twice. */
  readonly #ready = new DueHeap<number>();
  /** When items come back; some that do not any more. */
  readonly #due = new DueHeap<number>();
  readonly #reserved = new Map<string, number>();
  readonly #size: ContentSize;
  #lastNumber = 0;
  #parked = 0;

  /** `saved`: what another has saved. */
  constructor(limits: StructureLimits, saved?: unknown) {
    this.#size = new ContentSize(limits);
    const { lastNumber = 0, items = [] } = (saved ?? {}) as Partial<SavedQueue>;
    for (const [number, item] of items) this.#load(number, { ...item });
    this.#lastNumber = lastNumber;
  }

  get memory(): number {
    return this.#size.memory;
  }

  get isInitial(): boolean {
    return this.#items.size === 0;
  }

  decide(operation: QueueOperation, now: number): Decision<QueueEvent> {
    this.expire(now);
    switch (operation.type) {
      case "enqueue":
        return this.#enqueue(operation.value);
      case "size":
        return { reply: done(this.#items.size - this.#parked) };
      case "destroy":
        return { reply: done(true), event: destroyed };
      case "peek":
      case "dequeue":
        return this.#dequeue(operation.type === "dequeue");
      case "reserve":
        return this.#reserve(operation, now);
      case "acknowledge": {
        const number = this.#reserved.get(operation.reservation);
        if (number === undefined) return { reply: done(false) };
        return { reply: done(true), event: { type: "removed", number } };
      }
      case "extend":
        return this.#extend(operation, now);
      case "reject": {
        const number = this.#reserved.get(operation.reservation);
        if (number === undefined) return { reply: done(false) };
        const until = now + operation.delay;
        return { reply: done(true), event: { type: "released", number, until } };
      }
      case "parked":
        return { reply: done(this.#parkedPage(operation.after, operation.limit)) };
      case "unpark":
      case "removeParked": {
        const { type, number } = operation;
        if (this.#items.get(number)?.state !== "parked") return { reply: done(false) };
        const event = type === "unpark" ? "unparked" : "removed";
        return { reply: done(true), event: { type: event, number } };
      }
    }
  }

  apply(event: QueueEvent): void {
    if (event.type === "destroyed") return this.#clear();
    const { number } = event;
    if (event.type === "enqueued") {
      this.#lastNumber = Math.max(this.#lastNumber, number);
      const { value } = event;
      const fresh = { tries: 0, maxTries: Infinity, state: "ready", until: 0 } as const;
      return this.#load(number, { ...fresh, value, reservation: undefined });
    }
    const item = this.#items.get(number);
    if (item === undefined) return;
    this.#unreserve(number, item);
    switch (event.type) {
      case "removed":
        this.#items.delete(number);
        this.#size.entries = this.#items.size;
        this.#size.bytes -= item.value.length;
        return;
      case "reserved": {
        const { reservation, until, tries, maxTries } = event;
        Object.assign(item, { state: "reserved", reservation, until, tries, maxTries });
        this.#reserved.set(reservation, number);
        this.#comesBack(number, until);
        return;
      }
      case "released":
        Object.assign(item, { state: "waits", until: event.until });
        this.#comesBack(number, event.until);
        return;
      case "unparked":
        item.tries = 0;
        this.#makeReady(number, item);
    }
  }

  /** Reservations end, and items that wait are ready. */
  expire(now: number): void {
    for (let number = this.#due.take(now); number !== undefined; number = this.#due.take(now)) {
      const item = this.#items.get(number);
      if (item === undefined || item.until > now) continue;
      if (item.state !== "reserved" && item.state !== "waits") continue;
      this.#unreserve(number, item);
      if (item.tries < item.maxTries) this.#makeReady(number, item);
      else {
        item.state = "parked";
        this.#parked++;
      }
    }
  }

  save(): SavedQueue {
    const items = Array.from(this.#items, ([number, item]) => [number, { ...item }] as const);
    return { lastNumber: this.#lastNumber, items };
  }

  #enqueue(value: Uint8Array): Decision<QueueEvent> {
    const why = this.#size.refuses(value.length, value.length, 1);
    if (why !== undefined) return { reply: refused("structureFull", why) };
    return { reply: done(), event: { type: "enqueued", number: this.#lastNumber + 1, value } };
  }

  #dequeue(removes: boolean): Decision<QueueEvent> {
    const number = this.#firstReady();
    if (number === undefined) return { reply: refused("queueEmpty", "it is empty") };
    const reply = done(this.#items.get(number)!.value);
    return removes ? { reply, event: { type: "removed", number } } : { reply };
  }

  #reserve(
    operation: QueueOperation & { readonly type: "reserve" },
    now: number,
  ): Decision<QueueEvent> {
    const { reservation, visibility, maxTries } = operation;
    const before = this.#reserved.get(reservation);
    if (before !== undefined) return { reply: done(reservedItem(this.#items.get(before)!)) };
    const number = this.#firstReady();
    if (number === undefined) return { reply: done() };
    const { value, tries: earlier } = this.#items.get(number)!;
    const tries = earlier + 1;
    const until = now + visibility;
    return {
      reply: done(reservedItem({ value, tries })),
      event: { type: "reserved", number, reservation, until, tries, maxTries },
    };
  }

  #extend(
    { reservation, visibility }: QueueOperation & { readonly type: "extend" },
    now: number,
  ): Decision<QueueEvent> {
    const number = this.#reserved.get(reservation);
    if (number === undefined) return { reply: done(false) };
    const { tries, maxTries } = this.#items.get(number)!;
    const until = now + visibility;
    return {
      reply: done(true),
      event: { type: "reserved", number, reservation, until, tries, maxTries },
    };
  }

  #parkedPage(after: number, limit: number): readonly ParkedItem[] {
    const page: ParkedItem[] = [];
    let bytes = 0;
    for (const [number, { state, value, tries }] of this.#items) {
      if (state !== "parked" || number <= after) continue;
      bytes += value.length;
      if (page.length === limit || page.length > 0 && bytes > maxPageBytes) break;
      page.push([number, value, tries]);
    }
    return page;
  }

  /** The number of the item that is given out next. */
  #firstReady(): number | undefined {
    for (;;) {
      const number = this.#ready.nextAt;
      if (number === undefined || this.#items.get(number)?.state === "ready") return number;
      this.#ready.take();
    }
  }

  #load(number: number, item: Item): void {
    this.#items.set(number, item);
    this.#size.entries = this.#items.size;
    this.#size.bytes += item.value.length;
    if (item.state === "ready") this.#ready.add(number, number);
    else if (item.state === "parked") this.#parked++;
    else this.#due.add(item.until, number);
    if (item.reservation !== undefined) this.#reserved.set(item.reservation, number);
  }

  #makeReady(number: number, item: Item): void {
    item.state = "ready";
    this.#ready.add(number, number);
    this.#ready.compact(this.#items.size, (number) => this.#items.get(number)?.state === "ready");
  }

  #comesBack(number: number, at: number): void {
    this.#due.add(at, number);
    this.#due.compact(this.#items.size, (number, at) => {
      const { state, until } = this.#items.get(number) ?? {};
      return (state === "reserved" || state === "waits") && until === at;
    });
  }

  /** Neither reserved nor parked. */
  #unreserve(number: number, item: Item): void {
    if (item.state === "parked") this.#parked--;
    const { reservation } = item;
    // A consumer may have made up the same one again, for another item.
    if (reservation !== undefined && this.#reserved.get(reservation) === number) {
      this.#reserved.delete(reservation);
    }
    item.reservation = undefined;
  }

  #clear(): void {
    this.#items.clear();
    this.#ready.clear();
    this.#due.clear();
    this.#reserved.clear();
    this.#parked = this.#size.entries = this.#size.bytes = 0;
  }
}

function reservedItem({ value, tries }: ReservedItem): ReservedItem {
  return { value, tries };
}

/**
 * An empty queue, whose numbers begin at one of 2^20 places: a handle of a parked item of a queue that was
 * lost with its node does not reach an item of the queue that has followed it.
 *
 * @param random At least 0, less than 1.
 */
export function emptyQueue(random: number): SavedQueue {
  return { lastNumber: Math.floor(random * 2 ** 20) * 2 ** 32, items: [] };
}

/** What a queue saves. */
export interface SavedQueue {
  readonly lastNumber: number;
  readonly items: readonly (readonly [number: number, item: Item])[];
}
