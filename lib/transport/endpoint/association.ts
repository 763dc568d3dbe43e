/**
 * When a peer is dialled, waited for, or left alone. Pure: `step` takes an event and the time. One
 * association for each peer and lane.
 *
 * @module
 */
import { backoffDelay } from "../../runtime/backoff.ts";

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

/** What decides between two connections to one peer. */
export interface Rival {
  /** The peer's life: a later one has a higher number. */
  readonly incarnation: number;
  /** Who the peer has proved to be. */
  readonly holder: string;
  /** Whether this end has dialled. */
  readonly dialled: boolean;
}

/** What else decides about a new connection. */
export interface Rivalry {
  /** Whether this end goes first when both dial at once; the other end must not think so too. */
  readonly goesFirst: boolean;
  /** Whether this end dials the peer at present. */
  readonly dialing: boolean;
  /** Milliseconds since the connection that exists was opened. */
  readonly age: number;
  /** Milliseconds within which the peer's own dial may still be under way. */
  readonly patience: number;
}

/**
 * What becomes of a new connection to a peer:
 *
 * - `accept`: it is the only one.
 * - `succeed`: it takes over when the old one has sent what it had to.
 * - `replace`: it takes over at once, because the old one leads to an earlier life.
 * - `stale`: refused, because a later life is connected.
 * - `taken`: refused, because another holder is connected.
 * - `duplicate`: refused, because this end's own dial goes first.
 */
export type Outcome = "accept" | "succeed" | "replace" | "stale" | "taken" | "duplicate";

/** Decides about a new connection. `known`: the one that exists. */
export function weigh(known: Rival | undefined, offered: Rival, rivalry: Rivalry): Outcome {
  if (known !== undefined) {
    if (known.incarnation > offered.incarnation) return "stale";
    // Otherwise who can connect could take over any address.
    if (known.holder !== offered.holder) return "taken";
    if (known.incarnation < offered.incarnation) return "replace";
  }
  if (!offered.dialled && rivalry.goesFirst) {
    const recent = known?.dialled === true && rivalry.age < rivalry.patience;
    if (rivalry.dialing || recent) return "duplicate";
  }
  return known === undefined ? "accept" : "succeed";
}

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

  /** Whether nothing would be lost if this association were forgotten. */
  isIdle(now: number): boolean {
    return this.#phase === "idle" || (this.#phase === "backoff" && now >= this.#until);
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
    const { minBackoff: min, maxBackoff: max } = this.#backoff;
    const delay = backoffDelay({ min, max, jitter: [0, 1] }, this.#failures++, random);
    this.#phase = "backoff";
    this.#until = now + delay;
    return [{ type: "drop" }];
  }
}
