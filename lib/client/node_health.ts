import { pauseAfter } from "./contact.ts";
import type { ContactTiming } from "./contact_timing.ts";

/** What is known of a node that nothing leads to. */
interface Trouble {
  failures: number;
  until: number;
  /** A connection is tried; its outcome decides. */
  probing: boolean;
}

/** Milliseconds after which a probe that nobody has answered counts as failed. */
const probeTimeout = 10_000;

/**
 * A circuit breaker for each node (Nygard, Release It!): after a failure nothing is sent to it until
 * a probe has found it again. Pure: the pauses are computed, not waited for. A node that nothing is
 * known of may be used.
 */
export class NodeHealth {
  readonly #timing: Pick<ContactTiming, "minPause" | "maxPause">;
  readonly #troubled = new Map<string, Trouble>();

  /** All is well. */
  constructor(timing: Pick<ContactTiming, "minPause" | "maxPause">) {
    this.#timing = timing;
  }

  /** Whether messages may be sent to the node. */
  isUsable(address: string): boolean {
    return this.#troubled.size === 0 || !this.#troubled.has(address);
  }

  /** A connection to the node exists. Answers whether it was troubled before. */
  up(address: string): boolean {
    return this.#troubled.delete(address);
  }

  /** Nothing leads to the node. `random` is in [0, 1). Answers whether that is news. */
  failed(address: string, now: number, random: number): boolean {
    const known = this.#troubled.get(address);
    const isNews = known === undefined;
    const trouble = known ?? { failures: 0, until: 0, probing: true };
    // What fails while nothing is tried belongs to a failure that is counted already.
    if (trouble.probing) {
      trouble.failures++;
      trouble.until = now + pauseAfter(trouble.failures, random, this.#timing);
      trouble.probing = false;
    }
    this.#troubled.set(address, trouble);
    return isNews;
  }

  /** The nodes that are to be probed now. */
  due(now: number): readonly string[] {
    const due: string[] = [];
    for (const [address, trouble] of this.#troubled) {
      if (now < trouble.until) continue;
      trouble.probing = true;
      trouble.until = now + probeTimeout;
      due.push(address);
    }
    return due;
  }

  /** Forgets nodes that are no longer of interest. */
  retain(present: ReadonlySet<string>): void {
    for (const address of this.#troubled.keys()) {
      if (!present.has(address)) this.#troubled.delete(address);
    }
  }
}
