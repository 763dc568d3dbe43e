import { pauseAfter } from "./contact.ts";
import type { ContactTiming } from "./contact_timing.ts";

/** The open circuit of a node. */
interface OpenCircuit {
  failures: number;
  /** When the next probe starts, or the current one times out. */
  until: number;
  /** Half-open: a connection is tried, whose outcome decides. */
  probing: boolean;
}

/** Milliseconds after which a probe without an outcome counts as failed. */
const probeTimeout = 10_000;

/**
 * A circuit breaker for each node (Nygard, Release It!): after a failure the client sends nothing
 * to a node until a probe has connected to it. Pure: pauses are only computed. The circuit of an
 * unknown node is closed.
 */
export class NodeCircuitBreakers {
  readonly #timing: Pick<ContactTiming, "minPause" | "maxPause">;
  readonly #open = new Map<string, OpenCircuit>();

  constructor(timing: Pick<ContactTiming, "minPause" | "maxPause">) {
    this.#timing = timing;
  }

  /** Whether messages may be sent to the node. */
  isClosed(address: string): boolean {
    return this.#open.size === 0 || !this.#open.has(address);
  }

  /** A connection to the node exists. Returns whether its circuit was open. */
  connected(address: string): boolean {
    return this.#open.delete(address);
  }

  /** The node cannot be reached. `random` is in [0, 1). Returns whether its circuit was closed. */
  failed(address: string, now: number, random: number): boolean {
    const known = this.#open.get(address);
    const circuit = known ?? { failures: 0, until: 0, probing: true };
    // A failure without a probe in progress belongs to a failure that is counted already.
    if (circuit.probing) {
      circuit.failures++;
      circuit.until = now + pauseAfter(circuit.failures, random, this.#timing);
      circuit.probing = false;
    }
    this.#open.set(address, circuit);
    return known === undefined;
  }

  /** The nodes that are to be probed now. */
  dueProbes(now: number): readonly string[] {
    const due: string[] = [];
    for (const [address, circuit] of this.#open) {
      if (now < circuit.until) continue;
      circuit.probing = true;
      circuit.until = now + probeTimeout;
      due.push(address);
    }
    return due;
  }

  /** Forgets nodes that are not in `present`. */
  retain(present: { has(address: string): boolean }): void {
    for (const address of this.#open.keys()) {
      if (!present.has(address)) this.#open.delete(address);
    }
  }
}
