import type { NodeInternals } from "../../node_internals.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import { Ring } from "../ring.ts";

/** How suspicious the members were that this node monitors, at one moment. */
export interface PhiSample {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** By address; at most 100. */
  readonly phi: Readonly<Record<string, number>>;
}

/** Milliseconds between two samples. */
const interval = 1_000;
/** Five minutes. */
const kept = 300;
/** Higher values say no more, and would flatten the chart. */
const maxPhi = 100;

/** Samples the failure detector of a node once a second. */
export class PhiHistory {
  readonly #samples = new Ring<PhiSample>(kept);
  #timer: Timer | undefined;

  /** Begins at once. */
  constructor(internals: NodeInternals, clock: Clock) {
    const sample = () => {
      const phi: Record<string, number> = {};
      try {
        for (const peer of internals.health.peers) {
          phi[peer.address] = Math.min(maxPhi, Math.round(peer.phi * 100) / 100);
        }
        this.#samples.push({ at: clock.wallTime(), phi });
      } catch {
        // The node has not started, or has stopped.
      }
      this.#timer = clock.schedule(interval, sample);
      this.#timer.unref?.();
    };
    sample();
  }

  /** The samples, the oldest first. */
  samples(): readonly PhiSample[] {
    return this.#samples.last();
  }

  /** Ends it. */
  close(): void {
    this.#timer?.cancel();
  }
}
