import type { Random } from "../../runtime/random.ts";
import type { Fault } from "./fault.ts";

/** Faults of the disk of a machine that last for a while. */
export type DiskFault = Extract<Fault, { type: "diskFull" | "diskSlow" | "diskError" }>;

/** What is wrong with the disk of a machine now. */
export class DiskFaults {
  readonly #active: DiskFault[] = [];

  /** Begins a fault; answers how to end it. */
  begin(fault: DiskFault): () => void {
    this.#active.push(fault);
    return () => void this.#active.splice(this.#active.indexOf(fault), 1);
  }

  /** Whether nothing more can be written. */
  get full(): boolean {
    return this.#active.some(({ type }) => type === "diskFull");
  }

  /** Milliseconds that each operation takes longer. */
  get delay(): number {
    let delay = 0;
    for (const fault of this.#active) if (fault.type === "diskSlow") delay += fault.delay;
    return delay;
  }

  /** Whether an operation fails, as chance has it. */
  fails(operation: "read" | "write" | "sync", random: Random): boolean {
    return this.#active.some((fault) =>
      fault.type === "diskError" && fault.operation === operation &&
      random.next() < fault.probability
    );
  }
}
