import type { Clock, Timer } from "../../runtime/clock.ts";
import type { EventSink, QueuedEvent } from "../event_queue.ts";
import type { MachineClock } from "./machine_clock.ts";
import type { SimulationTime } from "./simulation_time.ts";

/**
 * The event loop of one process of a node, and its clock. It can be paused, slowed down and ended;
 * events that are due while it is busy wait in order.
 */
export class EventLoop implements Clock, EventSink {
  /** Index of the node. */
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
  /** Tasks of the turn that a pause has interrupted. */
  #deferred: (() => void)[] = [];
  #waking = false;
  /** Until when its machine is suspended, in the time of the world. */
  #suspendedUntil = 0;

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

  /** Whether the process exists, paused or not. */
  get alive(): boolean {
    return this.#alive;
  }

  /** Whether the event loop is paused. */
  get paused(): boolean {
    return this.#pauses > 0;
  }

  /** Whether the whole process is paused, with all its threads. */
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

  /** Delivers an arrival; if the process has exited, only its operating system handles it. */
  readonly enter = (take: () => void): void => {
    if (!this.#alive) return take();
    // The arrival is an event of the network; its consequences are the node's.
    this.#time.lastLoop = this;
    if (this.#isBusy()) this.#wait(take);
    else this.#run(take);
  };

  /**
   * Pauses the loop; with `whole`, all threads of the process. Pauses nest: `resume` once per
   * pause.
   */
  pause(whole: boolean): void {
    this.#pauses++;
    if (whole) this.#freezes++;
  }

  resume(whole: boolean): void {
    this.#pauses--;
    if (whole) this.#freezes--;
    this.#wake();
  }

  /** The machine is suspended, for as long: timers fire later by that. Ended by `wake`. */
  suspend(span: number): void {
    const now = this.#time.now();
    const end = now + span;
    this.#time.postpone(this, Math.max(0, end - Math.max(now, this.#suspendedUntil)));
    this.#suspendedUntil = Math.max(end, this.#suspendedUntil);
    this.#machine.suspend();
    this.pause(true);
  }

  wake(): void {
    // A later process of the machine has its own time.
    if (this.#alive && this.#time.now() >= this.#suspendedUntil) this.#machine.wake();
    this.resume(true);
  }

  /** Each turn takes so many milliseconds from now on. */
  slowDown(turn: number): void {
    this.#turn = Math.max(0, this.#turn + turn);
  }

  /** Stops the loop. */
  end(): void {
    this.#alive = false;
    this.#machine.wake();
    this.#backlog = [];
    this.#deferred = [];
  }

  /** Deferred tasks run before any other turn, in order. */
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
    // One turn for each task: its deferred tasks run before the next one.
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
