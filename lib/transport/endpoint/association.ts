/**
 * Decides when a peer is dialled, and which of two connections to it stays. Pure: `step` takes an
 * event and the time. One association for each peer and lane.
 *
 * @module
 */
import { backoffDelay } from "../../runtime/backoff.ts";
import { holderOf, type Peer } from "../base/peer.ts";

/** Events of an association. */
export type AssociationEvent =
  /** Something is to be sent, and there is no connection. */
  | { readonly type: "wanted" }
  /** The dial has led to a connection, or the peer has dialled. */
  | { readonly type: "up" }
  /** The connection is to be replaced by another, and carries messages until then. */
  | { readonly type: "renew" }
  /** The dial failed or was refused; `random` in [0, 1) spreads the next one. */
  | { readonly type: "failed"; readonly random: number }
  /** The dial was refused because the peer's own dial has priority. */
  | { readonly type: "duplicate" }
  /** The connection has ended. */
  | { readonly type: "down" }
  /** The peer was heard on another lane: it runs, so a pause after a failed dial has no reason. */
  | { readonly type: "heard" }
  /** The delay of `wait` has passed. */
  | { readonly type: "timer" };

/** An action of an association. */
export type AssociationEffect =
  | { readonly type: "dial" }
  /** Messages that wait cannot be sent. */
  | { readonly type: "drop" }
  /** Send the event `timer` after this number of milliseconds. */
  | { readonly type: "wait"; readonly delay: number };

/** Shortest and longest pause after a failed dial, milliseconds. */
export interface Backoff {
  readonly minBackoff: number;
  readonly maxBackoff: number;
}

/** Milliseconds to wait for the peer's own dial after it refused ours. */
const inboundTimeout = 2_000;
/**
 * Milliseconds between two pauses that end early because the peer was heard, at most; less while few
 * dials have failed.
 */
const maxHeardInterval = 5_000;

/** One of two connections to one peer. */
export interface Candidate {
  /** Of the peer: a later one has a higher number. */
  readonly incarnation: number;
  /** The holder of the peer's certificate. */
  readonly holder: string;
  /** Whether this end has dialled. */
  readonly dialled: boolean;
}

/** Properties of a connection that {@linkcode resolveConflict} compares. */
export function candidateOf(peer: Peer, dialled: boolean): Candidate {
  return { incarnation: peer.incarnation, holder: holderOf(peer), dialled };
}

/** Context of the decision between two connections. */
export interface Circumstances {
  /** Whether the dial of this end has priority when both dial; false at the other end then. */
  readonly hasPriority: boolean;
  /** Whether this end dials the peer at present. */
  readonly dialing: boolean;
  /** Milliseconds since the connection that exists was opened. */
  readonly age: number;
  /** Milliseconds within which the peer's own dial may still be under way. */
  readonly dialTimeout: number;
}

/**
 * The outcome for a new connection to a peer:
 *
 * - `accept`: it is the only one.
 * - `succeed`: it replaces the old one once that has flushed its queue.
 * - `replace`: it takes over at once, because the old one leads to an earlier incarnation.
 * - `stale`: refused, because a later incarnation is connected.
 * - `taken`: refused, because another holder is connected.
 * - `duplicate`: refused, because this end's own dial has priority.
 */
export type Outcome = "accept" | "succeed" | "replace" | "stale" | "taken" | "duplicate";

/** Decides about a new connection. `known`: the one that exists. */
export function resolveConflict(
  known: Candidate | undefined,
  offered: Candidate,
  circumstances: Circumstances,
): Outcome {
  if (known !== undefined) {
    if (known.incarnation > offered.incarnation) return "stale";
    // Otherwise every peer could take over any address.
    if (known.holder !== offered.holder) return "taken";
    if (known.incarnation < offered.incarnation) return "replace";
  }
  if (!offered.dialled && circumstances.hasPriority) {
    const recent = known?.dialled === true && circumstances.age < circumstances.dialTimeout;
    if (circumstances.dialing || recent) return "duplicate";
  }
  return known === undefined ? "accept" : "succeed";
}

/** See the module's text. */
export class Association {
  #phase: "idle" | "dialing" | "expecting" | "up" | "backoff" = "idle";
  #failures = 0;
  #until = 0;
  /** Pauses that have ended early since the last connection. */
  #shortened = 0;
  /** No pause ends early before this time: a peer must not make this end dial in a loop. */
  #shortenFrom = 0;
  readonly #backoff: Backoff;

  constructor(backoff: Backoff) {
    this.#backoff = backoff;
  }

  /** Whether a dial is under way. */
  get dialing(): boolean {
    return this.#phase === "dialing";
  }

  /** Whether this association holds no state and can be forgotten. */
  isIdle(now: number): boolean {
    return this.#phase === "idle" || (this.#phase === "backoff" && now >= this.#until);
  }

  /** Applies one event; returns the effects. */
  step(event: AssociationEvent, now: number): readonly AssociationEffect[] {
    switch (event.type) {
      case "wanted":
        return this.#onWanted(now);
      case "up":
        this.#phase = "up";
        this.#failures = 0;
        this.#shortened = 0;
        return [];
      case "failed":
        return this.#onFailed(event.random, now);
      case "duplicate":
        if (this.#phase !== "dialing") return [];
        this.#phase = "expecting";
        return [{ type: "wait", delay: inboundTimeout }];
      case "down":
        if (this.#phase === "up") this.#phase = "idle";
        return [];
      case "renew":
        // If that dial fails, nothing changes: only in the phase `dialing` a failure counts.
        return this.#phase === "up" ? [{ type: "dial" }] : [];
      case "heard":
        return this.#onHeard(now);
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

  /**
   * A pause that runs ends, and the next begins short. What is sent in a pause is dropped, so the dial
   * does not wait for that. The time until another pause may end early doubles with each dial that was
   * in vain.
   */
  #onHeard(now: number): readonly AssociationEffect[] {
    if (this.#phase !== "backoff" || now >= this.#until || now < this.#shortenFrom) return [];
    const range = { min: this.#backoff.minBackoff, max: maxHeardInterval };
    this.#shortenFrom = now + backoffDelay(range, this.#shortened++, 0);
    this.#failures = 0;
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
