import type { Clock, Timer } from "../runtime/clock.ts";
import type { ActorTimers } from "./context.ts";

/** What a timer puts into its actor's mailbox: valid only while the timer is the current one. */
export class TimerMessage {
  /** Made when a timer fires. */
  constructor(
    readonly timers: TimerSet,
    readonly key: string,
    readonly generation: number,
    /** Fires once. */
    readonly single: boolean,
    readonly message: unknown,
  ) {}
}

interface Entry {
  readonly generation: number;
  timer: Timer;
}

/** The timers of one actor. A fired timer that was cancelled since is not delivered. */
export class TimerSet implements ActorTimers<unknown> {
  readonly #clock: Clock;
  readonly #deliver: (message: TimerMessage) => void;
  readonly #entries = new Map<string, Entry>();
  #generation = 0;

  /** `deliver` puts a fired timer into the mailbox. */
  constructor(clock: Clock, deliver: (message: TimerMessage) => void) {
    this.#clock = clock;
    this.#deliver = deliver;
  }

  startSingle(key: string, message: unknown, delay: number): void {
    this.#start(key, message, delay, false);
  }

  startFixedDelay(key: string, message: unknown, interval: number): void {
    this.#start(key, message, interval, true);
  }

  cancel(key: string): void {
    this.#entries.get(key)?.timer.cancel();
    this.#entries.delete(key);
  }

  /** Cancels all. */
  cancelAll(): void {
    for (const key of [...this.#entries.keys()]) this.cancel(key);
  }

  /** Whether a fired timer is still wanted; a single one has then done its duty. */
  claim({ key, generation, single }: TimerMessage): boolean {
    if (this.#entries.get(key)?.generation !== generation) return false;
    if (single) this.#entries.delete(key);
    return true;
  }

  #start(key: string, message: unknown, delay: number, again: boolean): void {
    this.cancel(key);
    const generation = ++this.#generation;
    const fire = () => {
      const entry = this.#entries.get(key);
      if (entry?.generation !== generation) return;
      this.#deliver(new TimerMessage(this, key, generation, !again, message));
      if (again) entry.timer = this.#clock.schedule(delay, fire);
    };
    this.#entries.set(key, { generation, timer: this.#clock.schedule(delay, fire) });
  }
}
