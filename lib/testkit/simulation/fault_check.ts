import { SimulationError } from "./errors.ts";
import { type Fault, faultKinds, nodesOf } from "./fault.ts";

/**
 * Refuses faults that cannot be.
 *
 * @throws {SimulationError} code `badFault`.
 */
export function checkFaults(faults: readonly Fault[], nodes: ReadonlySet<string>): void {
  for (const fault of faults) {
    const problem = problemOf(fault, nodes);
    if (problem === undefined) continue;
    throw new SimulationError("badFault", `${JSON.stringify(fault)}: ${problem}`, {
      value: fault,
      remedy: "see the type Fault",
    });
  }
}

const inRange: Readonly<Record<string, readonly [number, number]>> = {
  at: [0, 1e12],
  for: [0, 1e12],
  min: [0, 1e9],
  max: [0, 1e9],
  probability: [0, 1],
  delay: [0, 1e9],
  restartAfter: [0, 1e12],
  turn: [0, 1e6],
  by: [-1e12, 1e12],
  rate: [0.01, 100],
};

const operations: ReadonlySet<string> = new Set(["read", "write", "sync"]);
const outcomes: ReadonlySet<string | undefined> = new Set(["kept", "lost", "random", undefined]);
const types: ReadonlySet<string> = new Set(faultKinds);

function problemOf(fault: Fault, nodes: ReadonlySet<string>): string | undefined {
  if (!types.has(fault.type)) return `there is no fault of type ${fault.type}`;
  for (const node of nodesOf(fault)) {
    if (!nodes.has(node)) return `there is no node ${node}`;
  }
  for (const [name, value] of Object.entries(fault)) {
    const range = inRange[name];
    if (range === undefined) continue;
    if (typeof value !== "number" || !(value >= range[0] && value <= range[1])) {
      return `${name} must be a number from ${range[0]} to ${range[1]}`;
    }
  }
  if (fault.type === "loss" && fault.probability >= 1) return "probability must be below 1";
  if (fault.type === "diskError" && !operations.has(fault.operation)) {
    return "operation must be read, write or sync";
  }
  if (fault.type === "storeError" && fault.when !== "before" && fault.when !== "after") {
    return "when must be before or after";
  }
  if (fault.type === "crash" && !outcomes.has(fault.unsynced)) {
    return "unsynced must be kept, lost or random";
  }
  if (fault.type === "latency" && fault.min > fault.max) return "min must not be above max";
  return undefined;
}
