import { checkValue } from "../../options/check_options.ts";
import { timerDelay } from "../../options/tables/actor_tables.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { ActorTimers } from "../behavior/context.ts";
import { ActorError } from "../errors.ts";

/** A timer has fired; its message is due if the timer is still the current one of its key. */
export interface FiredTimer {
  readonly type: "firedTimer";
  readonly key: string;
  readonly generation: number;
}

interface Entry {
  readonly generation: number;
  readonly message: unknown;
  /** Milliseconds; undefined for a timer that fires once. */
  readonly interval: number | undefined;
  timer: Timer;
}

/** Dependencies of a set of timers on its cell. */
export interface TimerOwner {
  readonly path: string;
  /** Whether it takes no more messages. */
  readonly ended: boolean;
  /** Whether a handler's promise is pending. */
  readonly waits: boolean;
  /** Puts a fired timer in order with the messages. */
  enqueueSystem(fired: FiredTimer): void;
  /** Handles a message that the actor has arranged for itself. */
  deliverOwn(message: unknown): void;
}

/**
 * The timers of one actor. A timer that was cancelled or replaced after it had fired is not
 * delivered (generations, as in Akka's TimerScheduler). A repeated timer waits for its next turn
 * only when its last message has been handled, so a slow actor is never flooded by its own timers.
 */
export class TimerSet implements ActorTimers<unknown> {
  readonly #clock: Clock;
  readonly #owner: TimerOwner;
  readonly #entries = new Map<string, Entry>();
  #generation = 0;
  /** The repeated timer whose message an async handler has at hand. */
  #handling: FiredTimer | undefined;

  constructor(clock: Clock, owner: TimerOwner) {
    this.#clock = clock;
    this.#owner = owner;
  }

  /** How many timers are set. */
  get size(): number {
    return this.#entries.size;
  }

  startSingle(key: string, message: unknown, delay: number): void {
    this.#start(key, message, delay, undefined);
  }

  startFixedDelay(key: string, message: unknown, interval: number): void {
    this.#start(key, message, interval, interval);
  }

  cancel(key: string): void {
    this.#entries.get(key)?.timer.cancel();
    this.#entries.delete(key);
  }

  /** Cancels all. */
  cancelAll(): void {
    for (const { timer } of this.#entries.values()) timer.cancel();
    this.#entries.clear();
  }

  /** Delivers the message of a fired timer, unless it was cancelled. */
  claim(fired: FiredTimer): void {
    const entry = this.#entries.get(fired.key);
    if (entry?.generation !== fired.generation) return;
    if (entry.interval === undefined) this.#entries.delete(fired.key);
    else this.#handling = fired;
    this.#owner.deliverOwn(entry.message);
    if (!this.#owner.waits) this.handled();
  }

  /** A handler has ended: the timer whose message it had waits for its next turn. */
  handled(): void {
    const fired = this.#handling;
    if (fired === undefined) return;
    this.#handling = undefined;
    const { key, generation } = fired;
    const entry = this.#entries.get(key);
    if (entry?.generation !== generation) return;
    entry.timer = this.#schedule(key, generation, entry.interval!);
  }

  #start(key: string, message: unknown, delay: number, interval: number | undefined): void {
    const { path, ended } = this.#owner;
    if (ended) throw new ActorError("actorStopped", `${path} has stopped and can set no timer`);
    checkValue("delay", timerDelay, delay);
    this.cancel(key);
    const generation = ++this.#generation;
    const timer = this.#schedule(key, generation, delay);
    this.#entries.set(key, { generation, message, interval, timer });
  }

  #schedule(key: string, generation: number, delay: number): Timer {
    return this.#clock.schedule(delay, () => {
      this.#owner.enqueueSystem({ type: "firedTimer", key, generation });
    });
  }
}
