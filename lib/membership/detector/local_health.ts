/** The worst score: a node that does not trust its own ears at all. */
export const worstLocalHealth = 8;

/**
 * How well this node itself is, from 0 (well) to 8: local health awareness, after Lifeguard (Dadgar
 * et al., 2018) and memberlist's `awareness.go`. A node that was stalled, whose helpers do not even
 * say "I cannot reach it either", or that hears itself accused, has reason to doubt what it does
 * not hear, and waits longer before it accuses others.
 */
export class LocalHealth {
  #score = 0;

  /** From 0 (well) to 8. */
  get score(): number {
    return this.#score;
  }

  /** The score as a share of the worst: from 0 (accuse as usual) to 1 (be as patient as can be). */
  get degradation(): number {
    return this.#score / worstLocalHealth;
  }

  /** Something speaks against this node. `by` is a whole number of at least 1. */
  degrade(by: number): void {
    this.#score = Math.min(worstLocalHealth, this.#score + by);
  }

  /** A heartbeat interval has passed in which nothing spoke against it. */
  improve(): void {
    if (this.#score > 0) this.#score--;
  }
}

/** What a stall of this node's own event loop counts: 1 for each second that has begun. */
export function lagPenalty(ms: number): number {
  return ms < 500 ? 0 : Math.min(worstLocalHealth, Math.ceil(ms / 1_000));
}
