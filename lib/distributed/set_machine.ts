import { type DataMachine, type Decision, type Destroyed, destroyed } from "./data_machine.ts";
import { ContentSize, type StructureLimits } from "./structure_limits.ts";
import { done, refused } from "./structure_reply.ts";

/** An operation of a set. Values are keys as they were written. */
export type SetOperation =
  | { readonly type: "add" | "remove" | "contains"; readonly key: string }
  | { readonly type: "size" }
  | { readonly type: "page"; readonly after: number; readonly limit: number }
  | { readonly type: "destroy" };

/** A change of a set. */
export type SetEvent =
  | { readonly type: "added" | "removed"; readonly key: string }
  | Destroyed;

/** A value on a page, with its number. */
export type PageValue = readonly [number: number, key: string];

/** One set. */
export class SetMachine implements DataMachine<SetOperation, SetEvent> {
  /** The number of each value, in the order of the numbers. */
  readonly #numbers = new Map<string, number>();
  readonly #size: ContentSize;
  #lastNumber = 0;

  /** `saved`: what another has saved. */
  constructor(limits: StructureLimits, saved?: unknown) {
    this.#size = new ContentSize(limits);
    const { lastNumber = 0, values = [] } = (saved ?? {}) as Partial<SavedSet>;
    for (const [number, key] of values) {
      this.#lastNumber = number - 1;
      this.apply({ type: "added", key });
    }
    this.#lastNumber = lastNumber;
  }

  get memory(): number {
    return this.#size.memory;
  }

  get isInitial(): boolean {
    return this.#numbers.size === 0;
  }

  decide(operation: SetOperation): Decision<SetEvent> {
    switch (operation.type) {
      case "size":
        return { reply: done(this.#numbers.size) };
      case "page":
        return { reply: done(this.#page(operation.after, operation.limit)) };
      case "destroy":
        return { reply: done(true), event: destroyed };
      case "contains":
        return { reply: done(this.#numbers.has(operation.key)) };
      case "remove": {
        const { key } = operation;
        if (!this.#numbers.has(key)) return { reply: done(false) };
        return { reply: done(true), event: { type: "removed", key } };
      }
      case "add": {
        const { key } = operation;
        if (this.#numbers.has(key)) return { reply: done(false) };
        const why = this.#size.refuses(0, key.length, 1);
        if (why !== undefined) return { reply: refused("structureFull", why) };
        return { reply: done(true), event: { type: "added", key } };
      }
    }
  }

  apply(event: SetEvent): void {
    const numbers = this.#numbers;
    if (event.type === "destroyed") {
      numbers.clear();
      this.#size.bytes = 0;
    } else if (event.type === "removed") {
      if (numbers.delete(event.key)) this.#size.bytes -= event.key.length;
    } else if (!numbers.has(event.key)) {
      numbers.set(event.key, ++this.#lastNumber);
      this.#size.bytes += event.key.length;
    }
    this.#size.entries = numbers.size;
  }

  /** Nothing expires. */
  expire(): void {}

  save(): SavedSet {
    const values = Array.from(this.#numbers, ([key, number]) => [number, key] as const);
    return { lastNumber: this.#lastNumber, values };
  }

  #page(after: number, limit: number): readonly PageValue[] {
    const page: PageValue[] = [];
    for (const [key, number] of this.#numbers) {
      if (number <= after) continue;
      if (page.length === limit) break;
      page.push([number, key]);
    }
    return page;
  }
}

interface SavedSet {
  readonly lastNumber: number;
  readonly values: readonly PageValue[];
}
