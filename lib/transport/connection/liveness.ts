/**
 * Whether the far end of a connection is still there. Pure: told what happens and when, it answers
 * what is to be done and when to ask again.
 *
 * @module
 */
import type { TransportLimits } from "../base/limits.ts";

/** What is to be done about a connection. */
export type LivenessVerdict =
  /** Nothing; ask again after so many milliseconds. */
  | { readonly type: "wait"; readonly delay: number }
  /** Send a ping, then as above. */
  | { readonly type: "probe"; readonly delay: number }
  /** The far end is gone. */
  | { readonly type: "end"; readonly reason: string };

/** The bounds in question; see {@linkcode TransportLimits}. */
export type LivenessLimits = Pick<
  TransportLimits,
  "keepAliveInterval" | "idleTimeout" | "writeTimeout"
>;

/** A verdict that is asked for so much too late tells of a stall of this end, milliseconds. */
const ownStall = 1_000;

/**
 * See the module's text. A half-open connection shows in two ways: nothing comes any more, or
 * nothing is taken any more; the system itself notices neither for hours.
 */
export class Liveness {
  readonly #limits: LivenessLimits;
  #heard: number;
  #probed = false;
  /** Since when what is to be written waits without progress; -1: nothing waits. */
  #stuckSince = -1;
  /** When `judge` is to be called again. */
  #due = Infinity;

  /** Just connected. */
  constructor(limits: LivenessLimits, now: number) {
    this.#limits = limits;
    this.#heard = now;
  }

  /** Something has arrived. */
  heard(now: number): void {
    this.#heard = now;
    this.#probed = false;
  }

  /** Something is to be written and has to wait for the far end. */
  stuck(now: number): void {
    if (this.#stuckSince < 0) this.#stuckSince = now;
  }

  /** The far end has taken bytes. */
  progress(): void {
    this.#stuckSince = -1;
  }

  /** What is to be done now. */
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
    // What gets stuck right after this is noticed late by at most writeTimeout.
    const delay = Math.max(1, Math.min(untilSilent, writeTimeout - stuck));
    this.#due = now + delay;
    return { type: probe ? "probe" : "wait", delay };
  }

  /** Who was not there itself (a stall, a suspended process) cannot say that the other was not. */
  #forgive(late: number): void {
    if (!(late >= ownStall)) return;
    this.#heard += late;
    if (this.#stuckSince >= 0) this.#stuckSince += late;
  }
}
