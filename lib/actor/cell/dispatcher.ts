import type { Clock } from "../../runtime/clock.ts";
import { rules } from "../../runtime/rules.ts";
import type { TurnGate } from "./turn_gate.ts";

/** Has messages to run: runs up to `budget` of them and returns their number. */
export interface Runnable {
  run(budget: number): number;
  /** The same while the gate is closed: what it holds waits there. */
  runGated(budget: number, gate: TurnGate): number;
  /** `run` has thrown. */
  crashed(error: unknown): void;
}

// Bound here: see `rules.ts`.
const lagIsChecked = rules.lagIsChecked;

/** Messages that one actor may handle before the next has its turn. */
const turnBudget = 128;
/** Messages of a turn when handlers may have become slow. */
const cautiousTurn = 8;
/** Milliseconds that a turn should not exceed. */
const turnTime = 1;
/** Milliseconds after which the dispatcher yields to timers and I/O. */
const yieldTime = 1;
/** Messages after which it yields in any case: virtual time does not advance meanwhile. */
const yieldBudget = 65_536;

/** Places of the run queue at first; a power of two. */
const initialPlaces = 16;
/** Capacity that an empty run queue keeps. */
const keptPlaces = 16_384;

/**
 * One run queue for all actors of a system, drained in microtasks.
 *
 * Messages and time are counted since the last yield to timers and I/O, not for each drain: actors
 * that wake each other through promises never leave the microtask queue, and would otherwise starve
 * the process in many short drains.
 */
export class Dispatcher {
  readonly #clock: Clock;
  /**
   * The actors that have work, as a ring. (Not two arrays that take turns: to empty an array throws
   * its memory away, which costs more than the message of an actor that has only one.)
   */
  #ring: (Runnable | undefined)[] = makeRing(initialPlaces);
  #head = 0;
  #waiting = 0;
  #scheduled = false;
  /** Messages that a turn may take now: fewer while handlers are slow. */
  #turn = turnBudget;
  /** Messages until the next clock read: a read costs as much as some messages. */
  #untilClockRead = turnBudget;
  /** Time of the last known yield to timers and I/O. */
  #since = 0;
  /** Messages since then, counted at each clock read. */
  #handled = 0;
  /** Without one, no actor is ever suspended. */
  #gate: TurnGate | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Suspends entities while their time has ended. */
  get gate(): TurnGate | undefined {
    return this.#gate;
  }

  set gate(gate: TurnGate) {
    this.#gate = gate;
  }

  /** Puts an actor into the queue. It must not be in there already. */
  schedule(runnable: Runnable): void {
    if (this.#waiting === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#waiting++) & (this.#ring.length - 1)] = runnable;
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.defer(this.#drain);
  }

  readonly #drain = (): void => {
    // The process may have stood still since the last drain.
    if (lagIsChecked && this.#gate !== undefined) this.#gate.look();
    this.#run(this.#turn < turnBudget ? this.#clock.now() : -1);
  };

  readonly #drainAfresh = (): void => {
    this.#since = this.#gate?.look() ?? this.#clock.now();
    this.#handled = 0;
    this.#run(this.#since);
  };

  /** `checkedAt` is the start time, or -1: handlers were fast lately, so the clock was not read. */
  #run(checkedAt: number): void {
    while (this.#waiting > 0) {
      // An actor that only started or stopped has worked, too.
      this.#untilClockRead -= this.#runOne(this.#take()) || 1;
      if (this.#untilClockRead > 0) continue;
      const now = this.#gate?.look() ?? this.#clock.now();
      this.#handled += this.#turn;
      const yields = now - this.#since >= yieldTime || this.#handled >= yieldBudget;
      if (checkedAt >= 0) this.#adapt(now - checkedAt);
      else if (yields) this.#turn = cautiousTurn;
      checkedAt = now;
      this.#untilClockRead = this.#turn;
      if (yields) {
        return this.#clock.yield(this.#drainAfresh);
      }
    }
    this.#scheduled = false;
    if (this.#ring.length > keptPlaces) {
      this.#ring = makeRing(initialPlaces);
      this.#head = 0;
    }
  }

  /** A turn that throws must not cost the others theirs. */
  #runOne(runnable: Runnable): number {
    try {
      const gate = this.#gate;
      if (gate !== undefined && gate.closed) return runnable.runGated(this.#turn, gate);
      return runnable.run(this.#turn);
    } catch (error) {
      runnable.crashed(error);
      return 1;
    }
  }

  /** The actor that has waited longest. Only when one waits. */
  #take(): Runnable {
    const ring = this.#ring;
    const runnable = ring[this.#head]!;
    ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (ring.length - 1);
    this.#waiting--;
    return runnable;
  }

  #grow(): void {
    const ring = this.#ring;
    const grown = makeRing(ring.length * 2);
    for (let i = 0; i < ring.length; i++) grown[i] = ring[(this.#head + i) & (ring.length - 1)];
    this.#ring = grown;
    this.#head = 0;
  }

  /** Shortens turns while they take too long. */
  #adapt(spent: number): void {
    if (spent > turnTime) this.#turn = Math.max(1, Math.floor(this.#turn * turnTime / spent));
    else if (spent < turnTime / 4 && this.#turn < turnBudget) {
      this.#turn = Math.min(turnBudget, this.#turn * 2);
    }
  }
}

/** An array without holes: holes would slow down each access. */
function makeRing(places: number): (Runnable | undefined)[] {
  return new Array<Runnable | undefined>(places).fill(undefined);
}
