/**
 * A store that all nodes of a simulation reach: each call takes time there and back, some take long,
 * fail, or are done although their caller is told that nobody knows.
 *
 * @module
 */
import {
  type AppendEntry,
  type AppendResult,
  type Journal,
  PersistenceError,
} from "../../../lib/persistence/mod.ts";
import type { SimulatedNode, Simulation } from "../../../lib/testkit/mod.ts";
import { pause } from "./register.ts";

/** See the module's text. One for each run. */
export class FaultyStore {
  /** Without faults, for checks. */
  readonly journal: Journal;
  readonly #sim: Simulation;
  /** Appends that were done. */
  appended = 0;
  /** Appends that were stored although their writer was told that the outcome is unknown. */
  #unknown = 0;
  /** Appends that were refused because another owner had taken over. */
  #fenced = 0;
  #isFaulty = true;

  constructor(sim: Simulation, journal: Journal) {
    this.#sim = sim;
    this.journal = journal;
  }

  /** From now on it only takes time. */
  heal(): void {
    this.#isFaulty = false;
  }

  /** What has happened to it. */
  get text(): string {
    return `appended ${this.appended}, unknown ${this.#unknown}, fenced ${this.#fenced}`;
  }

  /** The store as one node reaches it. */
  at(node: SimulatedNode): Journal {
    const { clock, random } = node.system.runtime;
    // There in the time of all: what a node has sent is carried out although it stands still or dies.
    const call = async <T>(work: () => Promise<T>): Promise<T> => {
      const draw = this.#isFaulty ? random.next() : 0.5;
      await this.#sim.sleep(0.2 + random.next() * (draw < 0.01 ? 12_000 : 10));
      if (draw > 0.99) throw unavailable();
      const result = await work();
      await pause(clock, 0.2 + random.next() * 5);
      return result;
    };
    return new Proxy(this.journal, {
      get: (target, name) => {
        const value = target[name as keyof Journal];
        if (typeof value !== "function") return value;
        if (name === "append") {
          return (entries: readonly AppendEntry[]) => call(() => this.#append(entries, random));
        }
        if (name === "read" || name === "onAppended" || name === "close") return value.bind(target);
        return (...args: never[]) =>
          call(() => (value as (...args: never[]) => Promise<unknown>).apply(target, args));
      },
    });
  }

  async #append(
    entries: readonly AppendEntry[],
    random: { next(): number },
  ): Promise<readonly AppendResult[]> {
    const results = await this.journal.append(entries);
    for (const { outcome } of results) {
      if (outcome === "appended") this.appended++;
      if (outcome === "fenced") this.#fenced++;
    }
    if (this.#isFaulty && random.next() < 0.01) {
      this.#unknown++;
      throw new PersistenceError("outcomeUnknown", "simulated: the connection has ended");
    }
    return results;
  }
}

const unavailable = () => new PersistenceError("storeUnavailable", "simulated: gone for a while");
