import type { Clock, Timer } from "../../runtime/clock.ts";
import type { EventSink } from "../event_queue.ts";
import { settled } from "../manual_clock.ts";
import { VirtualClock } from "../virtual_clock.ts";
import { SimulationError } from "./errors.ts";
import type { TraceHash } from "./trace_hash.ts";

/** Turns of the microtask queue after which it counts as idle. */
const quietTurns = 8;
/** Turns after which it counts as an endless loop: a real event loop would hang. */
const livelockTurns = 300_000;
/** Events of one instant after which they count as an endless loop. */
const livelockEvents = 300_000;
/**
 * Events after which the simulation yields to the real event loop, for operations of the machine.
 */
const eventsPerMacrotask = 64;

/** Resolved: to await it takes one turn, and makes no other promise. */
const idle = Promise.resolve();

/** The virtual time of the simulation, which the network uses. Nodes have their own clocks. */
export class SimulationTime implements Clock {
  readonly #clock = new VirtualClock();
  readonly #trace: TraceHash;
  /** Events that have happened. */
  events = 0;
  /** Counts deferred and scheduled tasks: it changes while work is still being created. */
  #activity = 0;
  /** Events that have happened at this instant. */
  #eventsNow = 0;
  /** The node on whose event loop the latest event was. */
  lastLoop: EventSink | undefined;

  /** Begins at 0; each event becomes part of `trace`. */
  constructor(trace: TraceHash) {
    this.#trace = trace;
  }

  now(): number {
    return this.#clock.now();
  }

  wallTime(): number {
    return this.#clock.wallTime();
  }

  schedule(delay: number, task: () => void): Timer {
    return this.scheduleOn(undefined, delay, task);
  }

  /** Schedules an event on the event loop of a node; it does not happen if the loop has ended. */
  scheduleOn(loop: EventSink | undefined, delay: number, task: () => void): Timer {
    this.#activity++;
    return this.#clock.scheduleOn(loop, delay, task);
  }

  /** The events of an event loop that wait happen so many milliseconds later. */
  postpone(loop: EventSink, by: number): void {
    this.#clock.postpone(loop, by);
  }

  defer(task: () => void): void {
    this.#activity++;
    this.#clock.defer(task);
  }

  yield(task: () => void): void {
    this.schedule(0, task);
  }

  /**
   * Advances time to the next event and runs it; its consequences need {@linkcode SimulationTime.settle}.
   * False: there is none until `end`, and it is `end` now.
   */
  runNext(end: number): boolean {
    const before = this.now();
    const event = this.#clock.next(end);
    if (event === undefined) {
      this.#clock.moveTo(end);
      return false;
    }
    this.events++;
    this.lastLoop = event.sink;
    this.#eventsNow = this.now() > before ? 1 : this.#eventsNow + 1;
    if (this.#eventsNow > livelockEvents) {
      throw this.#livelock("events of one instant set each other in motion without an end");
    }
    this.#trace.number(event.due);
    event.run();
    return true;
  }

  /**
   * Runs all consequences of the event: until promises have had some turns in which nothing was
   * deferred or scheduled. To wait for a macrotask each time would be exact, and take as long as
   * all else together.
   */
  async settle(): Promise<void> {
    let turns = 0;
    for (let quiet = 0; quiet < quietTurns; quiet++) {
      if (++turns > livelockTurns) {
        throw this.#livelock(
          "promises and deferred tasks set each other in motion without an end",
        );
      }
      const before = this.#activity;
      await idle;
      if (this.#activity !== before) quiet = -1;
    }
    if (this.events % eventsPerMacrotask === 0) await settled();
    // The number of turns before the next event is part of each history, looked at or not.
    await idle;
  }

  #livelock(message: string): SimulationError {
    return new SimulationError("livelock", message, {
      value: this.lastLoop?.owner,
      remedy: "let a timer pass before something is tried again",
    });
  }
}
