import type { LostTarget } from "./explanation/explain_port.ts";

/** Pairs of target and reason that are kept. */
const maxKept = 64;
/** Of a target; it may have been chosen by a peer. */
const maxTarget = 300;

interface Loss {
  readonly target: string;
  readonly reason: string;
  count: number;
  at: number;
}

/** The targets for which messages were lost last. Bounded: the one that is lost longest ago is forgotten. */
export class RecentLosses {
  readonly #kept = new Map<string, Loss>();

  /** A message was lost. */
  add(target: string, reason: string, now: number): void {
    const shown = target.slice(0, maxTarget);
    const key = `${reason} ${shown}`;
    const known = this.#kept.get(key);
    this.#kept.delete(key);
    this.#kept.set(key, { target: shown, reason, count: (known?.count ?? 0) + 1, at: now });
    if (this.#kept.size <= maxKept) return;
    for (const oldest of this.#kept.keys()) return void this.#kept.delete(oldest);
  }

  /** The latest first. */
  list(now: number): readonly LostTarget[] {
    return [...this.#kept.values()].reverse()
      .map(({ target, reason, count, at }) => ({ target, reason, count, ago: now - at }));
  }
}
