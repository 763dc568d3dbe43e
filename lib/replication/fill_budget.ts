/**
 * Which back-fills of a node may go on: a bound on the parts on their way to one node, of all shards and types
 * together. Without it each of a thousand shards would have its own credit, and the receiver would have no
 * time for heartbeats. Pure.
 *
 * @module
 */

/** Parts on their way to one node at most, of all shards together. */
export const maxPartsToNode = 4;
/** Milliseconds that a node rests after a part at most. */
const maxRest = 20;

interface Target {
  /** Parts that were sent or are being read, by fill. */
  readonly held: Map<string, number>;
  /** Fills that wait for a credit, the first first. */
  readonly waiting: Set<string>;
  /** Invariant: the sum of `held`. */
  total: number;
}

/** See the module's text. A fill is named by its type and shard, a target by its address. */
export class FillBudget {
  readonly #limit: number;
  readonly #targets = new Map<string, Target>();

  /** @param limit parts on their way to one target at most, 1 or more. Default {@linkcode maxPartsToNode}. */
  constructor(limit: number = maxPartsToNode) {
    this.#limit = limit;
  }

  /** A fill wants to read and send its next part. */
  request(target: string, fill: string): void {
    let state = this.#targets.get(target);
    if (state === undefined) {
      this.#targets.set(target, state = { held: new Map(), waiting: new Set(), total: 0 });
    }
    state.waiting.add(fill);
  }

  /** The next fill that may read a part, which holds a credit from now on; undefined: none may. */
  take(target: string): string | undefined {
    const state = this.#targets.get(target);
    if (state === undefined || state.total >= this.#limit) return undefined;
    const [fill] = state.waiting;
    if (fill === undefined) return undefined;
    state.waiting.delete(fill);
    state.held.set(fill, (state.held.get(fill) ?? 0) + 1);
    state.total++;
    return fill;
  }

  /**
   * The owner's part says how many parts of a fill it has requested that are not confirmed: the one that waits
   * for a credit among them. 0: the fill has ended. So no credit is lost with an answer, a fill or a node.
   */
  settle(target: string, fill: string, underWay: number): void {
    const state = this.#targets.get(target);
    if (state === undefined) return;
    if (underWay === 0) state.waiting.delete(fill);
    const before = state.held.get(fill) ?? 0;
    const held = Math.min(before, underWay - (state.waiting.has(fill) ? 1 : 0));
    state.total += held - before;
    if (held > 0) state.held.set(fill, held);
    else state.held.delete(fill);
    if (state.held.size === 0 && state.waiting.size === 0) this.#targets.delete(target);
  }

  /** Parts that hold a credit for a target. */
  underWay(target: string): number {
    return this.#targets.get(target)?.total ?? 0;
  }
}

/**
 * Milliseconds that a node rests after a part with which its turn took so long: back-fills have half of the
 * time at most.
 */
export function restAfter(took: number): number {
  return Math.max(0, Math.min(took, maxRest));
}
