/** The worst score. */
export const worstLocalHealth = 8;

/**
 * The local health score of this node, from 0 (healthy) to 8: local health awareness, after
 * Lifeguard (Dadgar et al., 2018) and memberlist's `awareness.go`. Stalls of this node, helpers that
 * do not answer an indirect probe at all, and accusations against this node raise the score. A node
 * with a higher score waits longer before it accuses others.
 */
export class LocalHealth {
  #score = 0;

  /** From 0 (healthy) to 8. */
  get score(): number {
    return this.#score;
  }

  /** The score as a share of the worst: from 0 to 1. */
  get degradation(): number {
    return this.#score / worstLocalHealth;
  }

  /** Raises the score. `by` is an integer of at least 1. */
  degrade(by: number): void {
    this.#score = Math.min(worstLocalHealth, this.#score + by);
  }

  /** Lowers the score by 1: once per heartbeat interval. */
  improve(): void {
    if (this.#score > 0) this.#score--;
  }
}

/** The penalty of a stall of this node's event loop: 1 per started second. */
export function lagPenalty(ms: number): number {
  return ms < 500 ? 0 : Math.min(worstLocalHealth, Math.ceil(ms / 1_000));
}
