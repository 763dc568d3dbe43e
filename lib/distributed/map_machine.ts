import { type DataMachine, type Decision, type Destroyed, destroyed } from "./data_machine.ts";
import { DueHeap } from "./due_heap.ts";
import { ContentSize, type StructureLimits } from "./structure_limits.ts";
import { done, refused } from "./structure_reply.ts";
import { sameValue } from "./structure_value.ts";

/** An operation of a map. Keys and values are as they were written; times are milliseconds. */
export type MapOperation =
  | { readonly type: "get" | "delete" | "contains"; readonly key: string }
  | {
    readonly type: "set";
    readonly key: string;
    readonly value: Uint8Array;
    readonly ttl?: number;
  }
  | {
    readonly type: "compareAndSet";
    readonly key: string;
    /** Null: the key has no entry. */
    readonly expected: Uint8Array | null;
    /** Null: the entry is deleted. */
    readonly value: Uint8Array | null;
    readonly ttl?: number;
  }
  | { readonly type: "size" }
  | { readonly type: "page"; readonly after: number; readonly limit: number }
  | { readonly type: "destroy" };

/** A change of a map. */
export type MapEvent =
  | {
    readonly type: "set";
    readonly key: string;
    readonly value: Uint8Array;
    /** Of the entry, in the order in which entries came to the map. */
    readonly number: number;
    readonly expiresAt?: number;
  }
  | { readonly type: "deleted"; readonly key: string }
  | Destroyed;

/** An entry on a page: its number, key and value. */
export type PageEntry = readonly [number: number, key: string, value: Uint8Array];

interface Entry {
  readonly number: number;
  readonly value: Uint8Array;
  /** Undefined: never. */
  readonly expiresAt: number | undefined;
}

/** The most bytes of a page, unless its first entry is longer. */
export const maxPageBytes = 262_144;

/** One map. */
export class MapMachine implements DataMachine<MapOperation, MapEvent> {
  /** In the order of their numbers. */
  readonly #entries = new Map<string, Entry>();
  readonly #expiring = new DueHeap<string>();
  readonly #size: ContentSize;
  #lastNumber = 0;

  /** `saved`: what another has saved. */
  constructor(limits: StructureLimits, saved?: unknown) {
    this.#size = new ContentSize(limits);
    const { lastNumber = 0, entries = [] } = (saved ?? {}) as Partial<SavedMap>;
    for (const [number, key, value, expiresAt] of entries) {
      this.#set({ type: "set", key, value, number, ...(expiresAt !== undefined && { expiresAt }) });
    }
    this.#lastNumber = lastNumber;
  }

  get memory(): number {
    return this.#size.memory;
  }

  get isInitial(): boolean {
    return this.#entries.size === 0;
  }

  decide(operation: MapOperation, now: number): Decision<MapEvent> {
    switch (operation.type) {
      case "get":
        return { reply: done(this.#valueOf(operation.key, now)) };
      case "contains":
        return { reply: done(this.#valueOf(operation.key, now) !== undefined) };
      case "size":
        this.expire(now);
        return { reply: done(this.#entries.size) };
      case "page":
        this.expire(now);
        return { reply: done(this.#page(operation.after, operation.limit)) };
      case "destroy":
        return { reply: done(true), event: destroyed };
      case "delete": {
        const { key } = operation;
        if (this.#valueOf(key, now) === undefined) return { reply: done(false) };
        return { reply: done(true), event: { type: "deleted", key } };
      }
      case "set": {
        const { key, value, ttl } = operation;
        const before = this.#valueOf(key, now);
        return this.#write(key, value, ttl, now, before);
      }
      case "compareAndSet":
        return this.#compareAndSet(operation, now);
    }
  }

  apply(event: MapEvent): void {
    if (event.type === "set") return this.#set(event);
    if (event.type === "deleted") return this.#delete(event.key);
    this.#entries.clear();
    this.#expiring.clear();
    this.#size.entries = this.#size.bytes = 0;
  }

  expire(now: number): void {
    for (let key = this.#expiring.take(now); key !== undefined; key = this.#expiring.take(now)) {
      const { expiresAt = Infinity } = this.#entries.get(key) ?? {};
      if (expiresAt <= now) this.#delete(key);
    }
  }

  save(): SavedMap {
    const entries = Array.from(
      this.#entries,
      ([key, { number, value, expiresAt }]) =>
        expiresAt === undefined
          ? [number, key, value] as const
          : [number, key, value, expiresAt] as const,
    );
    return { lastNumber: this.#lastNumber, entries };
  }

  #compareAndSet(
    operation: MapOperation & { readonly type: "compareAndSet" },
    now: number,
  ): Decision<MapEvent> {
    const { key, expected, value, ttl } = operation;
    const before = this.#valueOf(key, now);
    const fits = expected === null || before === undefined
      ? expected === null && before === undefined
      : sameValue(before, expected);
    if (!fits) return { reply: done(false) };
    if (value !== null) return this.#write(key, value, ttl, now, true);
    if (before === undefined) return { reply: done(true) };
    return { reply: done(true), event: { type: "deleted", key } };
  }

  #write(
    key: string,
    value: Uint8Array,
    ttl: number | undefined,
    now: number,
    reply: unknown,
  ): Decision<MapEvent> {
    this.expire(now);
    const before = this.#entries.get(key);
    const more = value.length - (before?.value.length ?? -key.length);
    const why = this.#size.refuses(value.length, more, before === undefined ? 1 : 0);
    if (why !== undefined) return { reply: refused("structureFull", why) };
    const expiry = ttl === undefined ? {} : { expiresAt: now + ttl };
    const number = before?.number ?? this.#lastNumber + 1;
    return { reply: done(reply), event: { type: "set", key, value, number, ...expiry } };
  }

  #valueOf(key: string, now: number): Uint8Array | undefined {
    const entry = this.#entries.get(key);
    if (entry?.expiresAt !== undefined && entry.expiresAt <= now) return undefined;
    return entry?.value;
  }

  /** Entries in the order of their numbers: one that is there all the time is on one of the pages. */
  #page(after: number, limit: number): readonly PageEntry[] {
    const page: PageEntry[] = [];
    let bytes = 0;
    for (const [key, { number, value }] of this.#entries) {
      if (number <= after) continue;
      bytes += key.length + value.length;
      if (page.length === limit || page.length > 0 && bytes > maxPageBytes) break;
      page.push([number, key, value]);
    }
    return page;
  }

  #set({ key, value, number, expiresAt }: MapEvent & { readonly type: "set" }): void {
    // What has expired here may be there still when the event is read from a journal.
    if (this.#entries.get(key)?.number !== number) this.#delete(key);
    const before = this.#entries.get(key);
    this.#entries.set(key, { number, value, expiresAt });
    if (expiresAt !== undefined) {
      this.#expiring.add(expiresAt, key);
      this.#expiring.compact(
        this.#entries.size,
        (key, at) => this.#entries.get(key)?.expiresAt === at,
      );
    }
    this.#size.bytes += value.length - (before?.value.length ?? -key.length);
    this.#size.entries = this.#entries.size;
    this.#lastNumber = Math.max(this.#lastNumber, number);
  }

  #delete(key: string): void {
    const before = this.#entries.get(key);
    if (before === undefined) return;
    this.#entries.delete(key);
    this.#size.bytes -= key.length + before.value.length;
    this.#size.entries = this.#entries.size;
  }
}

interface SavedMap {
  readonly lastNumber: number;
  readonly entries: readonly (readonly [
    number: number,
    key: string,
    value: Uint8Array,
    expiresAt?: number,
  ])[];
}
