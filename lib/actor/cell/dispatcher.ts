import type { Clock } from "../../runtime/clock.ts";
import { rules } from "../../runtime/rules.ts";
import { type MeasuredActor, type SlowHandlers, starting } from "./slow_handlers.ts";
import type { TurnGate } from "./turn_gate.ts";

/** Has messages to run: runs up to `budget` of them and returns their number. */
export interface Runnable extends MeasuredActor {
  /** The next message that it will run, or an `OwnWork`, apart from its start. */
  readonly upNext: unknown;
  run(budget: number): number;
  /** Whether it has to start first. */
  readonly isFresh: boolean;
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

/** Reads of the time in a drain for which one look at the clock is enough, where time is real. */
const readsPerLook = 16;

/** Turns of actors that are measured one by one in each turn of the event loop. */
const singles = 8;
/** Drains in one turn of the event loop that are a rush, in which no turns of actors are measured. */
const rushDrains = 100;
/** Turns of one message that are measured after a slow handler that was one of several. */
const singlesWhenSlow = 10_000;

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
 *
 * Where time is real, slow handlers are noticed. A clock read costs as much as some messages, so only
 * the first 8 turns of actors in a turn of the event loop are measured one by one: a system that is
 * not in a hurry has no more than those, and they are of one message. After these, a long drain is
 * measured in stretches of at most 128 messages. If a slow handler was one of several, the next
 * 10 000 messages are measured one by one.
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
  /** Gets slow handlers; without one, nothing is measured. */
  readonly #slow: SlowHandlers | undefined;
  /** Turns that are still measured one by one. */
  #singles = 0;
  /** Milliseconds from which on a handler is slow. */
  readonly #slowFrom: number;
  /** Whether the turn at hand is measured, and since when, without the start of its actor. */
  #isMeasuring = false;
  #startedAt = 0;
  /** The latest look at the clock, and the reads of `now` that it may still answer. */
  #lookedAt = 0;
  #readsLeft = 0;
  /** Drains since its end is awaited. */
  #drains = 0;
  /** The turns that are measured in this turn of the event loop are used up. */
  #isRushing = false;

  /** `around`: runs each drain; undefined: they run as they are. */
  constructor(clock: Clock, slow?: SlowHandlers, around?: (drain: () => void) => void) {
    this.#clock = clock;
    if (around !== undefined) {
      const drain = this.#drain;
      const drainAfresh = this.#drainAfresh;
      this.#drain = () => around(drain);
      this.#drainAfresh = () => around(drainAfresh);
    }
    this.#slow = slow;
    this.#slowFrom = slow?.threshold ?? Infinity;
    if (slow !== undefined) this.#singles = singles;
  }

  /** Suspends entities while their time has ended. */
  get gate(): TurnGate | undefined {
    return this.#gate;
  }

  set gate(gate: TurnGate) {
    this.#gate = gate;
  }

  /**
   * The time, for messages in the turn of an actor; where time is real, it may be that of the message
   * before, of which there are 15 at most. A look at the clock costs as much as some messages.
   */
  now(): number {
    if (this.#readsLeft > 0) {
      this.#readsLeft--;
      return this.#lookedAt;
    }
    return this.#look(this.#clock.now());
  }

  #look(now: number): number {
    this.#lookedAt = now;
    this.#readsLeft = this.#clock.isReal === true ? readsPerLook - 1 : 0;
    return now;
  }

  /** Puts an actor into the queue. It must not be in there already. */
  schedule(runnable: Runnable): void {
    if (this.#waiting === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#waiting++) & (this.#ring.length - 1)] = runnable;
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.defer(this.#drain);
  }

  #drain = (): void => {
    // The process may have stood still since the last drain.
    const looked = lagIsChecked && this.#gate !== undefined ? this.#look(this.#gate.look()) : -1;
    if (looked < 0) this.#readsLeft = 0;
    if (this.#singles > 0) {
      return this.#drainSingly(looked >= 0 ? looked : this.#look(this.#clock.now()));
    }
    this.#drains++;
    this.#run(this.#turn === turnBudget ? -1 : looked >= 0 ? looked : this.#clock.now(), -1);
  };

  #drainAfresh = (): void => {
    this.#since = this.#look(this.#gate?.look() ?? this.#clock.now());
    this.#handled = 0;
    if (this.#singles > 0) return this.#drainSingly(this.#since);
    this.#run(this.#since, this.#since);
  };

  /**
   * @param checkedAt the start time, or -1: handlers were fast lately, so the clock was not read.
   * @param measuredAt since when turns are measured together, or -1: not before the next clock read.
   */
  #run(checkedAt: number, measuredAt: number): void {
    while (this.#waiting > 0) {
      const runnable = this.#take();
      const left = this.#untilClockRead;
      // An actor that only started or stopped has worked, too.
      this.#untilClockRead = left - (this.#runOne(runnable) || 1);
      if (this.#untilClockRead > 0) continue;
      const now = this.#look(this.#gate?.look() ?? this.#clock.now());
      this.#handled += this.#turn;
      const yields = now - this.#since >= yieldTime || this.#handled >= yieldBudget;
      if (now - measuredAt >= this.#slowFrom && measuredAt >= 0) {
        this.#reportTurns(left === this.#turn ? runnable : undefined, now - measuredAt, now);
      }
      if (checkedAt >= 0) this.#adapt(now - checkedAt);
      else if (yields) this.#turn = cautiousTurn;
      checkedAt = now;
      measuredAt = now;
      this.#untilClockRead = this.#turn;
      if (yields) {
        return this.#clock.yield(this.#drainAfresh);
      }
    }
    if (measuredAt >= 0) this.#measureRest(measuredAt);
    this.#end();
  }

  /** The queue is empty. */
  #end(): void {
    if (this.#isRushing) this.#awaitYield();
    this.#scheduled = false;
    if (this.#ring.length > keptPlaces) {
      this.#ring = makeRing(initialPlaces);
      this.#head = 0;
    }
  }

  /** Measures turns one by one, and then goes on with the others. */
  #drainSingly(start: number): void {
    let before = start;
    this.#isMeasuring = true;
    while (this.#waiting > 0) {
      const now = this.#runMeasured(this.#take(), before);
      before = now;
      if (--this.#singles <= 0) {
        this.#isMeasuring = false;
        this.#isRushing = true;
        return this.#run(now, now);
      }
      if (now - start >= yieldTime && this.#waiting > 0) {
        this.#isMeasuring = false;
        return this.#clock.yield(this.#drainAfresh);
      }
    }
    this.#isMeasuring = false;
    this.#end();
  }

  /** Runs a turn, and measures it since `before`, the latest clock read. Returns the time. */
  #runMeasured(runnable: Runnable, before: number): number {
    const { isFresh, upNext } = runnable;
    this.#startedAt = before;
    let handled = this.#runOne(runnable);
    this.#untilClockRead -= handled || 1;
    const now = this.#look(this.#clock.now());
    if (now - before < this.#slowFrom) return now;
    const slow = this.#slow!;
    const startedAt = this.#startedAt;
    if (isFresh) handled--;
    if (startedAt - before >= this.#slowFrom) {
      slow.reportOne(runnable, starting, startedAt - before, startedAt);
    }
    if (now - startedAt < this.#slowFrom) return now;
    slow.reportOne(runnable, handled > 1 ? undefined : upNext, now - startedAt, now);
    if (handled > 1) this.#lookCloser();
    return now;
  }

  /** The actor that has its turn has just started. */
  started(): void {
    if (this.#isMeasuring) this.#startedAt = this.#clock.now();
  }

  /** A long drain ends. */
  #measureRest(since: number): void {
    if (this.#slow === undefined) return;
    const now = this.#clock.now();
    if (now - since >= this.#slowFrom) this.#reportTurns(undefined, now - since, now);
  }

  /** Turns took long in all. `only`: there was only one; undefined: there were several. */
  #reportTurns(only: Runnable | undefined, ms: number, now: number): void {
    if (only === undefined) this.#slow!.reportSome(ms, now);
    else this.#slow!.reportOne(only, undefined, ms, now);
    this.#lookCloser();
  }

  /** A slow handler was one of several: the next one will be known. */
  #lookCloser(): void {
    this.#turn = 1;
    this.#singles = singlesWhenSlow;
  }

  /** When timers and I/O have had their turn, turns of actors are measured one by one again. */
  #awaitYield(): void {
    this.#isRushing = false;
    this.#drains = 0;
    this.#clock.yield(() => {
      // Asks in a tight loop: to measure some of them in each turn costs more than it says.
      if (this.#drains > rushDrains) return this.#awaitYield();
      this.#singles = Math.max(this.#singles, singles);
    });
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
