import { manualClockDefaults } from "../options/tables/testkit_tables.ts";
import type { Clock } from "../runtime/clock.ts";
import { systemClock } from "../runtime/system_clock.ts";
import { EventQueue, type EventSink, QueuedEvent } from "./event_queue.ts";

/** Wall time at virtual time 0, milliseconds since 1970. */
export const defaultEpoch: number = manualClockDefaults.epoch;

/**
 * Least milliseconds between now and a timer that is set for later. A timer whose delay is lost in
 * the rounding of the sum would fire at the instant at which it was set, again and again.
 */
const leastDelay = 0.001;

/**
 * Virtual time: a queue of events and the current instant. It decides which event is next and when;
 * the caller executes the event and waits for its consequences: `ManualClock` and `SimulationTime`
 * wait for promises, simulated machines without actors do not.
 */
export class VirtualClock implements Clock {
  readonly #queue = new EventQueue();
  readonly #epoch: number;
  #now = 0;
  #order = 0;

  /** Starts at 0; `epoch` is the wall time of that moment, in milliseconds since 1970. */
  constructor(epoch: number = defaultEpoch) {
    this.#epoch = epoch;
  }

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#epoch + this.#now;
  }

  schedule(delay: number, task: () => void): QueuedEvent {
    return this.scheduleOn(undefined, delay, task);
  }

  /** Schedules an event that `sink` carries out. */
  scheduleOn(sink: EventSink | undefined, delay: number, task: () => void): QueuedEvent {
    return this.#push(this.#now + (delay > 0 ? Math.max(delay, leastDelay) : 0), task, sink);
  }

  /** Schedules an event for a moment, so that two for one moment keep their order. */
  scheduleAt(time: number, task: () => void): QueuedEvent {
    return this.#push(Math.max(this.#now, time), task, undefined);
  }

  /** The events that wait and that `sink` carries out happen so many milliseconds later. */
  postpone(sink: EventSink, by: number): void {
    this.#queue.postpone(sink, by);
  }

  defer(task: () => void): void {
    systemClock.defer(task);
  }

  yield(task: () => void): void {
    this.schedule(0, task);
  }

  /** How many events wait; cancelled ones count until their time has come. */
  get queued(): number {
    return this.#queue.size;
  }

  /** How many events wait. */
  get pending(): number {
    return this.#queue.count();
  }

  /**
   * Advances time to the next event that is due by `end` and takes it; undefined: there is none.
   */
  next(end: number): QueuedEvent | undefined {
    const event = this.#queue.pop(end);
    if (event !== undefined) this.moveTo(event.due);
    return event;
  }

  /** Advances time to `time`, unless it is later already. */
  moveTo(time: number): void {
    this.#now = Math.max(this.#now, time);
  }

  /** Runs everything that is due within `duration` milliseconds, without waiting for promises. */
  run(duration: number): void {
    this.runUntil(() => false, duration);
  }

  /**
   * Carries out events until the condition holds, for at most `limit` milliseconds, without waiting
   * for promises. Returns the milliseconds that it took; undefined: it does not hold.
   */
  runUntil(condition: () => boolean, limit: number): number | undefined {
    const start = this.#now;
    const end = start + limit;
    while (!condition()) {
      const event = this.next(end);
      if (event === undefined) {
        this.moveTo(end);
        return condition() ? limit : undefined;
      }
      event.run();
    }
    return this.#now - start;
  }

  #push(due: number, task: () => void, sink: EventSink | undefined): QueuedEvent {
    const event = new QueuedEvent(due, this.#order++, task, sink);
    this.#queue.push(event);
    return event;
  }
}
