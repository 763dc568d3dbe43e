import type { Random } from "../../runtime/random.ts";
import type { Fault } from "./fault.ts";

/** Faults of the database of a simulation that last for a while. */
export type StoreFault = Extract<
  Fault,
  { type: "storeDown" | "storeSlow" | "storeError" | "storeFull" }
>;

/** The active faults of the database. */
export class StoreFaults {
  readonly #active: StoreFault[] = [];

  /** Begins a fault; returns a function that ends it. */
  begin(fault: StoreFault): () => void {
    this.#active.push(fault);
    return () => void this.#active.splice(this.#active.indexOf(fault), 1);
  }

  /** Whether a node does not reach it. */
  isDown(node: string): boolean {
    return this.#active.some((fault) =>
      fault.type === "storeDown" && (fault.nodes?.includes(node) ?? true)
    );
  }

  /** Whether it has no room left. */
  get full(): boolean {
    return this.#active.some(({ type }) => type === "storeFull");
  }

  /** Milliseconds that a call takes longer; drawn at random where only some do. */
  delay(random: Random): number {
    let sum = 0;
    for (const fault of this.#active) {
      if (fault.type !== "storeSlow") continue;
      const { delay, probability = 1 } = fault;
      if (probability === 1 || random.next() < probability) sum += delay;
    }
    return sum;
  }

  /** Whether a call fails before or after it was carried out, drawn at random. */
  fails(when: "before" | "after", random: Random): boolean {
    return this.#active.some((fault) =>
      fault.type === "storeError" && fault.when === when && random.next() < fault.probability
    );
  }
}
