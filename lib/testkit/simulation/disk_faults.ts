import type { Random } from "../../runtime/random.ts";
import type { Fault } from "./fault.ts";

/** Faults of the disk of a machine that last for a while. */
export type DiskFault = Extract<Fault, { type: "diskFull" | "diskSlow" | "diskError" }>;

/** The active faults of a machine's disk. */
export class DiskFaults {
  readonly #active: DiskFault[] = [];

  /** Begins a fault; returns a function that ends it. */
  begin(fault: DiskFault): () => void {
    this.#active.push(fault);
    return () => void this.#active.splice(this.#active.indexOf(fault), 1);
  }

  /** Whether the disk is full. */
  get full(): boolean {
    return this.#active.some(({ type }) => type === "diskFull");
  }

  /** Milliseconds that each operation takes longer. */
  get delay(): number {
    let delay = 0;
    for (const fault of this.#active) if (fault.type === "diskSlow") delay += fault.delay;
    return delay;
  }

  /** Whether an operation fails, drawn at random. */
  fails(operation: "read" | "write" | "sync", random: Random): boolean {
    return this.#active.some((fault) =>
      fault.type === "diskError" && fault.operation === operation &&
      random.next() < fault.probability
    );
  }
}
