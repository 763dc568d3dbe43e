/**
 * The rounds of named barriers on the leader. Pure. An arrival has an id and is repeated until it is
 * answered, so a new leader rebuilds the rounds, and an abandoned arrival does not count (casty's
 * phantom arrivals).
 *
 * @module
 */

/** Maximum number of open barriers. */
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

/** The outcome of an arrival. */
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
  readonly #arrivalTimeout: number;

  /** `arrivalTimeout` is several times the interval at which arrivals are repeated. */
  constructor(arrivalTimeout: number) {
    this.#arrivalTimeout = arrivalTimeout;
  }

  /** Number of open barriers. */
  get size(): number {
    return this.#rounds.size;
  }

  /** A party arrives, for the first time or again. */
  arrive(name: string, expected: number, arrival: Arrival, now: number): BarrierOutcome {
    this.#dropExpired(name, now);
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

  /** A party abandons its arrival. */
  cancel(name: string, id: string): void {
    const round = this.#rounds.get(name);
    if (round === undefined) return;
    round.arrivals.delete(id);
    if (round.arrivals.size === 0) this.#rounds.delete(name);
  }

  /** Drops all rounds: another node leads. */
  clear(): void {
    this.#rounds.clear();
  }

  #dropExpired(name: string, now: number): void {
    const round = this.#rounds.get(name);
    if (round === undefined) return;
    for (const [id, { lastSeen }] of round.arrivals) {
      if (now - lastSeen > this.#arrivalTimeout) round.arrivals.delete(id);
    }
    if (round.arrivals.size === 0) this.#rounds.delete(name);
  }
}
