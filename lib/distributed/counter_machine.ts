import { type DataMachine, type Decision, type Destroyed, destroyed } from "./data_machine.ts";
import { done, refused } from "./structure_reply.ts";

/** An operation of a counter. */
export type CounterOperation =
  | { readonly type: "add"; readonly amount: number }
  | { readonly type: "get" }
  | { readonly type: "destroy" };

/** A change of a counter. */
export type CounterEvent = { readonly type: "added"; readonly amount: number } | Destroyed;

/** One counter: a safe integer, at first 0. */
export class CounterMachine implements DataMachine<CounterOperation, CounterEvent> {
  #value: number;

  /** `saved`: what another has saved. */
  constructor(saved?: unknown) {
    this.#value = (saved as number | undefined) ?? 0;
  }

  get memory(): number {
    return 0;
  }

  get isInitial(): boolean {
    return this.#value === 0;
  }

  decide(operation: CounterOperation): Decision<CounterEvent> {
    switch (operation.type) {
      case "get":
        return { reply: done(this.#value) };
      case "destroy":
        return { reply: done(true), event: destroyed };
      case "add": {
        const { amount } = operation;
        const value = this.#value + amount;
        if (!Number.isSafeInteger(value)) {
          return { reply: refused("counterOverflow", `${this.#value} + ${amount} is too large`) };
        }
        return { reply: done(value), event: { type: "added", amount } };
      }
    }
  }

  apply(event: CounterEvent): void {
    this.#value = event.type === "destroyed" ? 0 : this.#value + event.amount;
  }

  /** Nothing expires. */
  expire(): void {}

  save(): number {
    return this.#value;
  }
}
