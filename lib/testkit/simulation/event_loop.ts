import type { Clock, Timer } from "../../runtime/clock.ts";
import type { EventSink, QueuedEvent } from "../event_queue.ts";
import type { MachineClock } from "./machine_clock.ts";
import type { SimulationTime } from "./simulation_time.ts";

/**
 * The event loop of one life of a node, and its clock. It can stand still, be slow, and end; what
 * comes while it is busy waits in order.
 */
export class EventLoop implements Clock, EventSink {
  /** Index of the node, for those who ask whose loop it is. */
  readonly owner: number;
  readonly #time: SimulationTime;
  readonly #machine: MachineClock;
  readonly #startedAt: number;
  #alive = true;
  #pauses = 0;
  #freezes = 0;
  #turn = 0;
  #busyUntil = 0;
  #backlog: (() => void)[] = [];
  /** What belongs to the turn that a pause has interrupted. */
  #deferred: (() => void)[] = [];
  #waking = false;

  /** Starts to run now. */
  constructor(owner: number, time: SimulationTime, machine: MachineClock) {
    this.owner = owner;
    this.#time = time;
    this.#machine = machine;
    this.#startedAt = machine.now();
  }

  now(): number {
    return this.#machine.now() - this.#startedAt;
  }

  wallTime(): number {
    return this.#machine.wallTime();
  }

  schedule(delay: number, task: () => void): Timer {
    return this.#time.scheduleOn(this, delay / this.#machine.rate, task);
  }

  defer(task: () => void): void {
    if (!this.#alive) return;
    if (this.#pauses === 0 && this.#deferred.length === 0) return this.#time.defer(task);
    this.#deferred.push(task);
    this.#wake();
  }

  yield(task: () => void): void {
    this.schedule(0, task);
  }

  /** Whether the process runs, or would if it did not stand still. */
  get alive(): boolean {
    return this.#alive;
  }

  /** Whether it stands still. */
  get paused(): boolean {
    return this.#pauses > 0;
  }

  /** Whether the whole process stands still, with all its threads. */
  get frozen(): boolean {
    return this.#freezes > 0;
  }

  /** A timer is due. */
  fire(event: QueuedEvent): void {
    if (!this.#alive) return;
    if (!this.#isBusy()) return this.#run(event.task);
    this.#wait(() => {
      if (!event.cancelled) event.task();
    });
  }

  /** The network has something for the node. Of a node that is gone, only its system takes it. */
  readonly enter = (take: () => void): void => {
    if (!this.#alive) return take();
    // What comes is an event of the network's; what follows from it is the node's.
    this.#time.lastLoop = this;
    if (this.#isBusy()) this.#wait(take);
    else this.#run(take);
  };

  /** Stands still until `resume` was called as often; with `whole` all threads of the process. */
  pause(whole: boolean): void {
    this.#pauses++;
    if (whole) this.#freezes++;
  }

  resume(whole: boolean): void {
    this.#pauses--;
    if (whole) this.#freezes--;
    this.#wake();
  }

  /** Each turn takes so many milliseconds from now on. */
  slowDown(turn: number): void {
    this.#turn = Math.max(0, this.#turn + turn);
  }

  /** Nothing happens on this loop any more. */
  end(): void {
    this.#alive = false;
    this.#backlog = [];
    this.#deferred = [];
  }

  /** What was deferred comes before any other turn, in order. */
  readonly #endTurn = (): void => {
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const task of deferred) this.#time.defer(task);
  };

  #isBusy(): boolean {
    return this.#pauses > 0 || this.#backlog.length > 0 || this.#deferred.length > 0 ||
      this.#busyUntil > this.#time.now();
  }

  #wait(task: () => void): void {
    this.#backlog.push(task);
    this.#wake();
  }

  #run(task: () => void): void {
    if (this.#turn > 0) this.#busyUntil = this.#time.now() + this.#turn;
    task();
  }

  #wake(): void {
    if (this.#waking || this.#pauses > 0) return;
    if (this.#backlog.length + this.#deferred.length === 0) return;
    this.#waking = true;
    // One turn for each: what one sets in motion ends before the next.
    this.#time.schedule(this.#busyUntil - this.#time.now(), () => {
      this.#waking = false;
      if (!this.#alive || this.#pauses > 0) return;
      this.#time.lastLoop = this;
      const task = this.#deferred.length > 0 ? this.#endTurn : this.#backlog.shift();
      if (task !== undefined) this.#run(task);
      this.#wake();
    });
  }
}
