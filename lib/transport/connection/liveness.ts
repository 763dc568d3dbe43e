/**
 * Decides whether the peer of a connection is alive. Pure: takes events and times, returns what to
 * do and when to call again.
 *
 * @module
 */
import type { TransportLimits } from "../base/limits.ts";

/** The decision about a connection. */
export type LivenessVerdict =
  /** Nothing to do; decide again after this number of milliseconds. */
  | { readonly type: "wait"; readonly delay: number }
  /** Send a ping, then as above. */
  | { readonly type: "probe"; readonly delay: number }
  /** The peer is dead. */
  | { readonly type: "end"; readonly reason: string };

/** The bounds in question; see {@linkcode TransportLimits}. */
export type LivenessLimits = Pick<
  TransportLimits,
  "keepAliveInterval" | "idleTimeout" | "writeTimeout"
>;

/** A call that is this number of milliseconds late shows that this end was stalled. */
const ownStall = 1_000;

/**
 * See the module's text. A half-open connection shows in two ways: nothing arrives, or nothing is
 * taken; the operating system notices neither for hours.
 */
export class Liveness {
  readonly #limits: LivenessLimits;
  #heard: number;
  #probed = false;
  /** Since when queued bytes wait without progress; -1: the queue is empty. */
  #stuckSince = -1;
  /** When `judge` is to be called again. */
  #due = Infinity;

  constructor(limits: LivenessLimits, now: number) {
    this.#limits = limits;
    this.#heard = now;
  }

  /** Something has arrived. */
  heard(now: number): void {
    this.#heard = now;
    this.#probed = false;
  }

  /** Something is to be written and has to wait for the peer. */
  stuck(now: number): void {
    if (this.#stuckSince < 0) this.#stuckSince = now;
  }

  /** The peer has taken bytes. */
  progress(): void {
    this.#stuckSince = -1;
  }

  /** The decision now. */
  judge(now: number): LivenessVerdict {
    const { keepAliveInterval, idleTimeout, writeTimeout } = this.#limits;
    this.#forgive(now - this.#due);
    const silence = now - this.#heard;
    if (silence >= idleTimeout) {
      return { type: "end", reason: `silent for idleTimeout (${idleTimeout} ms)` };
    }
    const stuck = this.#stuckSince < 0 ? 0 : now - this.#stuckSince;
    if (stuck >= writeTimeout) {
      return { type: "end", reason: `it takes no bytes for writeTimeout (${writeTimeout} ms)` };
    }
    const probe = silence >= keepAliveInterval && !this.#probed;
    if (probe) this.#probed = true;
    const untilSilent = this.#probed ? idleTimeout - silence : keepAliveInterval - silence;
    // A write that stalls right after this is noticed at most writeTimeout too late.
    const delay = Math.max(1, Math.min(untilSilent, writeTimeout - stuck));
    this.#due = now + delay;
    return { type: probe ? "probe" : "wait", delay };
  }

  /** A process that was stalled or suspended has no evidence that the peer was silent. */
  #forgive(late: number): void {
    if (!(late >= ownStall)) return;
    this.#heard += late;
    if (this.#stuckSince >= 0) this.#stuckSince += late;
  }
}
