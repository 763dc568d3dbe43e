/**
 * The store of a simulation, which is slow, fails before and after commits, and is gone for a while.
 *
 * @module
 */
import {
  type AppendEntry,
  type AppendResult,
  type Journal,
  memoryJournal,
  PersistenceError,
} from "../../../lib/persistence/mod.ts";
import type { SimulatedNode, Simulation } from "../../../lib/testkit/mod.ts";
import { pause } from "./register.ts";

/** A store, and what happened to it. */
export class SimulatedStore {
  readonly journal: Journal = memoryJournal();
  /** Set when the simulation runs its script; before that calls take the time of their node. */
  sim: Simulation | undefined;
  /** Appends that were stored although their writer was told that the outcome is unknown. */
  unknown = 0;
  /** Appends that were refused because another owner had taken over. */
  fenced = 0;
  appended = 0;

  /** The store as one node reaches it: each call takes time there and back, and some fail. */
  at(node: SimulatedNode): Journal {
    const { clock, random } = node.system.runtime;
    // There in the time of all: what a node has sent is carried out although it stands still or dies.
    const call = async <T>(work: () => Promise<T>): Promise<T> => {
      const draw = random.next();
      const delay = 0.2 + random.next() * (draw < 0.01 ? 12_000 : 10);
      await (this.sim === undefined ? pause(clock, delay) : this.sim.sleep(delay));
      if (draw > 0.99) throw unavailable();
      const result = await work();
      await pause(clock, 0.2 + random.next() * 5);
      return result;
    };
    return new Proxy(this.journal, {
      get: (target, name) => {
        switch (name) {
          case "open":
            return (id: string, epoch: number) => call(() => target.open(id, epoch));
          case "append":
            return (entries: readonly AppendEntry[]) => call(() => this.#append(entries, random));
          case "saveSnapshot":
          case "loadSnapshot":
          case "deleteEvents":
          case "readDue":
            return (...args: never[]) =>
              call(() => (target[name] as (...args: never[]) => Promise<unknown>)(...args));
        }
        const value = target[name as keyof Journal];
        return typeof value === "function" ? value.bind(target) : value;
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
      if (outcome === "fenced") this.fenced++;
    }
    if (random.next() < 0.01) {
      this.unknown++;
      throw new PersistenceError("outcomeUnknown", "simulated: the connection has ended");
    }
    return results;
  }
}

const unavailable = () => new PersistenceError("storeUnavailable", "simulated: gone for a while");
