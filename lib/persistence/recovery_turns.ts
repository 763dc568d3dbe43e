/**
 * Bounds the recoveries of a system that read from one journal at the same time: after a failover
 * thousands of entities start at once, and a store that is asked for all of them answers none soon.
 *
 * @module
 */
import type { LocalSystem } from "../actor/behavior/local_system.ts";
import { internalsOf } from "../actor/system/system_internals.ts";
import { persistenceDefaults } from "../options/tables/persistence_tables.ts";
import { rules } from "../runtime/rules.ts";
import type { Journal } from "./journal.ts";
import { storeBehind } from "./warm_log.ts";

/** Turns, which are taken in the order in which they were asked for. */
export class RecoveryTurns {
  readonly #most: number;
  #taken = 0;
  /** Those that wait, from `#first` on. */
  #waiting: (() => void)[] = [];
  #first = 0;

  /** At most `most` at once. */
  constructor(most: number) {
    this.#most = most;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.length - this.#first;
  }

  /** Resolves when it is the caller's turn, which it ends with `leave`. */
  enter(): Promise<void> | undefined {
    if (this.#taken < this.#most || !rules.recoveriesTakeTurns) {
      this.#taken++;
      return undefined;
    }
    return new Promise((resolve) => void this.#waiting.push(resolve));
  }

  /** The turn has ended. */
  leave(): void {
    if (this.waiting === 0) {
      this.#taken--;
      return;
    }
    const next = this.#waiting[this.#first++]!;
    if (this.#first >= 64 && this.#first * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    next();
  }
}

/** By system and journal: a store that hangs delays no recovery from another. */
const turns = new WeakMap<LocalSystem, WeakMap<Journal, RecoveryTurns>>();

/** The turns of a system for a journal. */
export function recoveryTurnsOf(system: LocalSystem, of: Journal): RecoveryTurns {
  const journal = storeBehind(of);
  let byJournal = turns.get(system);
  if (byJournal === undefined) turns.set(system, byJournal = new WeakMap());
  let found = byJournal.get(journal);
  if (found === undefined) {
    const most = internalsOf(system).persistence?.maxRecoveries ??
      persistenceDefaults.maxRecoveries;
    byJournal.set(journal, found = new RecoveryTurns(most));
  }
  return found;
}
