import type { Clock } from "../../runtime/clock.ts";
import { Admission, type AdmissionLimits } from "./admission.ts";

/**
 * The gate of a port: what {@linkcode Admission} decides about its connections, carried out. A
 * connection is identified by the peer's `"host:port"`.
 */
export class Gate {
  readonly #admission: Admission;
  readonly #clock: Clock;
  /** How to end a connection that is not open, by its far end. */
  readonly #cuts = new Map<string, (reason: string) => void>();

  constructor(limits: AdmissionLimits, clock: Clock) {
    this.#admission = new Admission(limits);
    this.#clock = clock;
  }

  /**
   * Accepts a connection, or returns which limit forbids it. `cut` ends it as long as it is not open,
   * if it has to give way to another.
   */
  accept(remote: string, cut: (reason: string) => void): string | undefined {
    const { refused, evicted } = this.#admission.accept(remote, this.#clock.now());
    if (evicted !== undefined) this.#cuts.get(evicted)?.(this.#admission.evictionReason);
    if (refused === undefined) this.#cuts.set(remote, cut);
    return refused;
  }

  /** From now on another function ends a connection that is not open. */
  replaceCut(remote: string, cut: (reason: string) => void): void {
    if (this.#cuts.has(remote)) this.#cuts.set(remote, cut);
  }

  /** The connection is open: it gives way to no other. */
  opened(remote: string): void {
    this.#admission.opened(remote);
    this.#cuts.delete(remote);
  }

  /** A node has proved itself at this address, on a connection in either direction. */
  proved(remote: string): void {
    this.#admission.proved(remote);
  }

  /** The connection has ended. */
  ended(remote: string): void {
    this.#admission.ended(remote, this.#clock.now());
    this.#cuts.delete(remote);
  }
}
