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
 * taken; the operating system notices neither for hours. A hostile peer shows in a third way: it
 * takes bytes and never acknowledges them, so that they are kept for it.
 */
export class Liveness {
  readonly #limits: LivenessLimits;
  #heard: number;
  #probed = false;
  /** Since when a write waits; -1: none does. */
  #stuckSince = -1;
  /** Since when written bytes wait for an acknowledgement that says more; -1: none do. */
  #owedSince = -1;
  /** Whether more waits until the peer has acknowledged some. */
  #full = false;
  /** When `judge` is to be called again. */
  #due = Infinity;

  constructor(limits: LivenessLimits, now: number) {
    this.#limits = limits;
    this.#heard = now;
  }

  /** Something has arrived. */
  heard(now: number): void {
    // A peer that was stalled could not acknowledge. Of one that only says so, no more than a window
    // is kept meanwhile.
    const stalled = now - this.#heard >= this.#limits.keepAliveInterval;
    if (stalled && this.#owedSince >= 0 && !this.#full) this.#owedSince = now;
    this.#heard = now;
    this.#probed = false;
  }

  /** This end has read nothing since a time, so it has no evidence about the peer from then on. */
  rested(since: number, now: number): void {
    const time = now - since;
    this.#heard = Math.min(now, this.#heard + time);
    if (this.#owedSince >= 0) this.#owedSince = Math.min(now, this.#owedSince + time);
  }

  /** A write has to wait for the peer. */
  stuck(now: number): void {
    if (this.#stuckSince < 0) this.#stuckSince = now;
  }

  /** The peer has taken the bytes of a write. */
  progress(): void {
    this.#stuckSince = -1;
  }

  /** Bytes are written that the peer has to acknowledge. */
  owes(now: number): void {
    if (this.#owedSince < 0) this.#owedSince = now;
  }

  /** More is to be written, and waits until the peer has acknowledged some. */
  windowFull(now: number): void {
    this.owes(now);
    this.#full = true;
  }

  /** The peer has acknowledged more than before. `rest`: whether bytes are left. */
  acknowledged(now: number, rest: boolean): void {
    this.#owedSince = rest ? now : -1;
    this.#full = false;
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
    const owed = this.#owedSince < 0 ? 0 : now - this.#owedSince;
    const isStalled = silence >= keepAliveInterval && !this.#full;
    if (owed >= writeTimeout && !isStalled) {
      return {
        type: "end",
        reason: `it acknowledges nothing for writeTimeout (${writeTimeout} ms)`,
      };
    }
    const probe = silence >= keepAliveInterval && !this.#probed;
    if (probe) this.#probed = true;
    const untilSilent = this.#probed ? idleTimeout - silence : keepAliveInterval - silence;
    // A write that stalls right after this is noticed at most writeTimeout too late.
    const untilStuck = writeTimeout - Math.max(stuck, owed < writeTimeout ? owed : 0);
    const delay = Math.max(1, Math.min(untilSilent, untilStuck));
    this.#due = now + delay;
    return { type: probe ? "probe" : "wait", delay };
  }

  /** A process that was stalled or suspended has no evidence that the peer was silent. */
  #forgive(late: number): void {
    if (!(late >= ownStall)) return;
    this.#heard += late;
    if (this.#stuckSince >= 0) this.#stuckSince += late;
    if (this.#owedSince >= 0) this.#owedSince += late;
  }
}
