/**
 * The rounds of named barriers, as the leader keeps them. Pure. An arrival has an id and is
 * repeated until it is answered, so a new leader rebuilds the rounds by itself, and an arrival
 * that was given up does not count (casty's phantom arrivals).
 *
 * @module
 */

/** How many barriers may be open at once, and how many parties one may have. */
export const maxBarriers = 10_000;

/** A party that has arrived. */
export interface Arrival {
  readonly id: string;
  /** Address of the node at which it waits. */
  readonly node: string;
}

interface Round {
  readonly expected: number;
  readonly arrivals: Map<string, { node: string; lastSeen: number }>;
}

/** What becomes of an arrival. */
export type BarrierOutcome =
  | { readonly type: "waiting" }
  | { readonly type: "released"; readonly arrivals: readonly Arrival[] }
  | { readonly type: "conflict"; readonly expected: number }
  | { readonly type: "full" };

const waiting: BarrierOutcome = { type: "waiting" };

/** See the module's text. */
export class BarrierRounds {
  readonly #rounds = new Map<string, Round>();
  /** Milliseconds after which an arrival that is not repeated no longer counts. */
  readonly #extraPause: number;

  /** `patience` is several times the interval at which arrivals are repeated. */
  constructor(extraPause: number) {
    this.#extraPause = extraPause;
  }

  /** How many barriers are open. */
  get size(): number {
    return this.#rounds.size;
  }

  /** A party arrives, for the first time or again. */
  arrive(name: string, expected: number, arrival: Arrival, now: number): BarrierOutcome {
    this.#dropSilent(name, now);
    let round = this.#rounds.get(name);
    if (round === undefined) {
      if (this.#rounds.size >= maxBarriers) return { type: "full" };
      round = { expected, arrivals: new Map() };
      this.#rounds.set(name, round);
    }
    if (round.expected !== expected) return { type: "conflict", expected: round.expected };
    round.arrivals.set(arrival.id, { node: arrival.node, lastSeen: now });
    if (round.arrivals.size < expected) return waiting;
    this.#rounds.delete(name);
    return {
      type: "released",
      arrivals: [...round.arrivals].map(([id, { node }]) => ({ id, node })),
    };
  }

  /** A party gives up. */
  cancel(name: string, id: string): void {
    const round = this.#rounds.get(name);
    if (round === undefined) return;
    round.arrivals.delete(id);
    if (round.arrivals.size === 0) this.#rounds.delete(name);
  }

  /** Forgets everything: another node leads. */
  clear(): void {
    this.#rounds.clear();
  }

  #dropSilent(name: string, now: number): void {
    const round = this.#rounds.get(name);
    if (round === undefined) return;
    for (const [id, { lastSeen }] of round.arrivals) {
      if (now - lastSeen > this.#extraPause) round.arrivals.delete(id);
    }
    if (round.arrivals.size === 0) this.#rounds.delete(name);
  }
}
