import type { Clock, Timer } from "../../runtime/clock.ts";
import { systemClock } from "../../runtime/system_clock.ts";
import { SimulationError } from "./errors.ts";
import type { EventLoop } from "./event_loop.ts";
import { EventQueue, SimulatedEvent } from "./event_queue.ts";
import type { TraceHash } from "./trace_hash.ts";

/** Wall time at virtual time 0, milliseconds since 1970. */
export const epoch = 1_700_000_000_000;

/** Turns of the microtask queue after which nothing more is expected. */
const quietTurns = 8;
/** Turns after which nothing will ever be quiet: a real event loop would stand still for ever. */
const livelockTurns = 300_000;
/** Events after which the real event loop has its chance: what waits for the machine goes on. */
const eventsPerMacrotask = 64;

/** The time of the world: what the network goes by. Nodes have clocks of their own. */
export class VirtualTime implements Clock {
  readonly #queue = new EventQueue();
  readonly #trace: TraceHash;
  #now = 0;
  #order = 0;
  /** Events that have happened. */
  events = 0;
  /** Counts what was deferred or scheduled: a sign that something is still being set in motion. */
  #activity = 0;
  /** The node on whose event loop the latest event was. */
  lastLoop: EventLoop | undefined;

  /** Begins at 0; each event becomes part of `trace`. */
  constructor(trace: TraceHash) {
    this.#trace = trace;
  }

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return epoch + this.#now;
  }

  schedule(delay: number, task: () => void): Timer {
    return this.scheduleOn(undefined, delay, task);
  }

  /** Schedules an event on the event loop of a node; it does not happen if the loop has ended. */
  scheduleOn(loop: EventLoop | undefined, delay: number, task: () => void): Timer {
    this.#activity++;
    const event = new SimulatedEvent(this.#now + Math.max(0, delay), this.#order++, task, loop);
    this.#queue.push(event);
    return event;
  }

  defer(task: () => void): void {
    this.#activity++;
    systemClock.defer(task);
  }

  yield(task: () => void): void {
    this.schedule(0, task);
  }

  /** How many events wait; cancelled ones count until their time has come. */
  get pending(): number {
    return this.#queue.size;
  }

  /**
   * Moves time on to the next event and lets all happen that follows from it at once. False: there
   * is none until `end`, and it is `end` now.
   */
  async runNext(end: number): Promise<boolean> {
    const event = this.#queue.pop(end);
    if (event === undefined) {
      this.#now = Math.max(this.#now, end);
      return false;
    }
    this.#now = Math.max(this.#now, event.due);
    this.events++;
    const { loop } = event;
    this.lastLoop = loop;
    this.#trace.number(event.due);
    if (loop === undefined) event.task();
    else loop.fire(event);
    await this.settle();
    return true;
  }

  /**
   * Lets everything run that follows from the event: until promises have had some turns in which
   * nobody deferred or scheduled anything. To wait for a macrotask each time would be exact, and
   * take as long as all else together.
   */
  async settle(): Promise<void> {
    let turns = 0;
    for (let quiet = 0; quiet < quietTurns; quiet++) {
      if (++turns > livelockTurns) throw this.#livelock();
      const before = this.#activity;
      await null;
      if (this.#activity !== before) quiet = -1;
    }
    if (this.events % eventsPerMacrotask === 0) await settled();
  }

  #livelock(): SimulationError {
    return new SimulationError(
      "livelock",
      "promises and deferred tasks set each other in motion without an end",
      { value: this.lastLoop?.owner, remedy: "let a timer pass before something is tried again" },
    );
  }
}

/** Resolves when no promise and no deferred task is left that could do something. */
export function settled(): Promise<void> {
  return new Promise(whenSettled);
}

/** A macrotask runs only when no microtask is left. */
function whenSettled(resolve: () => void): void {
  systemClock.yield(resolve);
}
