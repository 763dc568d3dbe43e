/**
 * When a peer is dialled, waited for, or left alone. Pure: `step` takes an event and the time. One
 * association for each peer and lane.
 *
 * @module
 */

/** What happens to an association. */
export type AssociationEvent =
  /** Something is to be sent, and there is no connection. */
  | { readonly type: "wanted" }
  /** The dial has led to a connection, or the peer has dialled. */
  | { readonly type: "up" }
  /** The dial was not answered or refused; `random` in [0, 1) spreads the next one. */
  | { readonly type: "failed"; readonly random: number }
  /** The dial was refused because the peer's own dial goes first. */
  | { readonly type: "duplicate" }
  /** The connection has ended. */
  | { readonly type: "down" }
  /** The time that `wait` has asked for is over. */
  | { readonly type: "timer" };

/** What an association wants done. */
export type AssociationEffect =
  | { readonly type: "dial" }
  /** What waits cannot be sent. */
  | { readonly type: "drop" }
  /** Send the event `timer` after so many milliseconds. */
  | { readonly type: "wait"; readonly delay: number };

/** Shortest and longest pause after a failed dial, milliseconds. */
export interface Backoff {
  readonly minBackoff: number;
  readonly maxBackoff: number;
}

/** Milliseconds to wait for the peer's own dial after it has refused ours. */
const inboundPatience = 2_000;

/** See the module's text. */
export class Association {
  #phase: "idle" | "dialing" | "expecting" | "up" | "backoff" = "idle";
  #failures = 0;
  #until = 0;
  readonly #backoff: Backoff;

  /** Idle until something is wanted. */
  constructor(backoff: Backoff) {
    this.#backoff = backoff;
  }

  /** Whether a dial is under way. */
  get dialing(): boolean {
    return this.#phase === "dialing";
  }

  /** Takes one event; answers what is to be done. */
  step(event: AssociationEvent, now: number): readonly AssociationEffect[] {
    switch (event.type) {
      case "wanted":
        return this.#onWanted(now);
      case "up":
        this.#phase = "up";
        this.#failures = 0;
        return [];
      case "failed":
        return this.#onFailed(event.random, now);
      case "duplicate":
        if (this.#phase !== "dialing") return [];
        this.#phase = "expecting";
        return [{ type: "wait", delay: inboundPatience }];
      case "down":
        if (this.#phase === "up") this.#phase = "idle";
        return [];
      case "timer":
        if (this.#phase !== "expecting") return [];
        this.#phase = "dialing";
        return [{ type: "dial" }];
    }
  }

  #onWanted(now: number): readonly AssociationEffect[] {
    if (this.#phase === "backoff" && now < this.#until) return [{ type: "drop" }];
    if (this.#phase !== "idle" && this.#phase !== "backoff") return [];
    this.#phase = "dialing";
    return [{ type: "dial" }];
  }

  /** Full jitter (Brooker, AWS 2015): a random part of a pause that doubles. */
  #onFailed(random: number, now: number): readonly AssociationEffect[] {
    if (this.#phase !== "dialing") return [];
    const { minBackoff, maxBackoff } = this.#backoff;
    const ceiling = Math.min(maxBackoff, minBackoff * 2 ** Math.min(this.#failures, 30));
    this.#failures++;
    this.#phase = "backoff";
    this.#until = now + random * ceiling;
    return [{ type: "drop" }];
  }
}
