import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { ActorError, anotherSystem } from "../errors.ts";
import { checkOptions, checkValue } from "../../options/check_options.ts";
import {
  actorSystemDefaults,
  actorSystemTable,
  onceTable,
  tickTable,
} from "../../options/tables/actor_tables.ts";
import type { ActorRef } from "../ref/ref.ts";

/** A message that is sent again and again. */
export interface TickOptions<M> {
  /** The receiver. */
  readonly target: ActorRef<M>;
  /** The message that is sent each time. */
  readonly message: M;
  /** Milliseconds from one message to the next, 1 to 2 147 483 647. */
  readonly interval: number;
  /** Milliseconds until the first, 0 to 2 147 483 647. Default: `interval`. */
  readonly initialDelay?: number;
}

/** A message that is sent once. */
export interface OnceOptions<M> {
  /** The receiver. */
  readonly target: ActorRef<M>;
  /** The message. */
  readonly message: M;
  /** Milliseconds until then, 0 to 2 147 483 647. */
  readonly delay: number;
}

/**
 * Calls back when the target has stopped, at once if it has already. Returns a function that
 * cancels that; `undefined` if the target is not a local actor.
 */
export type WhenStopped = (
  target: ActorRef<never>,
  callback: () => void,
) => (() => void) | undefined;

/** Dependencies of a scheduler. */
export interface SchedulerOptions {
  /** Time. */
  readonly clock: Clock;
  /** Gets an entry for each target that throws. */
  readonly logger: Logger;
  /** `whenLocalStopped`, except in tests. */
  readonly whenStopped: WhenStopped;
  /** How many keys may be in use at once, 1 or more. Default 100 000. */
  readonly maxScheduled?: number;
}

interface Entry {
  readonly target: ActorRef<unknown>;
  readonly message: unknown;
  /** Milliseconds; undefined for a message that is sent once. */
  readonly interval: number | undefined;
  timer: Timer | undefined;
  /** Ends the watch of the target. */
  forget: (() => void) | undefined;
}

/**
 * Sends messages later, to any actor. Each has a key that the user chooses; Casty itself uses none
 * of them. The key is free again when the message was sent once, when it is cancelled,
 * and when a local target stops. An actor's messages to itself are better kept in its
 * `context.timers`, which wait for a slow actor.
 *
 * A tick has a fixed delay: the next is counted from when the last was sent. A machine that was
 * suspended for an hour sends one tick when it wakes up, not one for each that it missed.
 *
 * When a local target stops, its ticks end without another dead letter, and a message that was to
 * be sent once becomes a dead letter then. The scheduler does not know when a remote target stops:
 * cancel its ticks yourself.
 *
 * @example
 * ```ts
 * import { ActorSystem, Behaviors } from "@casty/casty";
 *
 * const { promise, resolve } = Promise.withResolvers<void>();
 * await using system = new ActorSystem();
 * let beats = 0;
 * const heart = system.spawn(
 *   Behaviors.receive<"beat">(() => {
 *     if (++beats === 2) resolve();
 *     return Behaviors.same();
 *   }),
 *   "heart",
 * );
 * system.scheduler.tick("beat", { target: heart, message: "beat", interval: 5 });
 * await promise;
 * console.assert(system.scheduler.cancel("beat"));
 * console.assert(!system.scheduler.has("beat"));
 * ```
 */
export class Scheduler {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #whenStopped: WhenStopped;
  readonly #maxScheduled: number;
  readonly #entries = new Map<string, Entry>();
  #closed = false;

  /**
   * Created by the system.
   *
   * @throws {OptionError}
   */
  constructor(options: SchedulerOptions) {
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#whenStopped = options.whenStopped;
    const { maxScheduled = actorSystemDefaults.maxScheduled } = options;
    const { type } = actorSystemTable.options.maxScheduled;
    this.#maxScheduled = checkValue("maxScheduled", type, maxScheduled);
  }

  /** How many keys are in use. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Sends `message` periodically. Replaces the timer with the same key.
   *
   * @throws {OptionError}
   * @throws {ActorError} codes `badKey`, `tooManyScheduled`, `systemStopped`.
   */
  tick<M>(key: string, options: TickOptions<M>): void {
    checkOptions(tickTable, options);
    const { target, message, interval, initialDelay = interval } = options;
    this.#add(key, target, message, initialDelay, interval);
  }

  /**
   * Sends `message` once. Replaces the timer with the same key.
   *
   * @throws {OptionError}
   * @throws {ActorError} codes `badKey`, `tooManyScheduled`, `systemStopped`.
   */
  once<M>(key: string, options: OnceOptions<M>): void {
    checkOptions(onceTable, options);
    const { target, message, delay } = options;
    this.#add(key, target, message, delay, undefined);
  }

  /** Sends no more under this key. Whether there was something to cancel. */
  cancel(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#remove(key, entry);
    return true;
  }

  /** Whether something is still to be sent under this key. */
  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** Sends no more under any key. */
  cancelAll(): void {
    for (const [key, entry] of this.#entries) this.#remove(key, entry);
  }

  /** Cancels all timers and accepts no more. Called by the shutdown of the system. */
  close(): void {
    this.#closed = true;
    this.cancelAll();
  }

  #add<M>(
    key: string,
    target: ActorRef<M>,
    message: M,
    delay: number,
    interval: number | undefined,
  ): void {
    this.#check(key);
    this.cancel(key);
    const entry: Entry = {
      target: target as ActorRef<unknown>,
      message,
      interval,
      timer: undefined,
      forget: undefined,
    };
    this.#entries.set(key, entry);
    const forget = this.#whenStopped(target, () => this.#targetStopped(key, entry));
    // It may have stopped already.
    if (this.#entries.get(key) !== entry) return;
    entry.forget = forget;
    entry.timer = this.#schedule(key, entry, delay);
  }

  #check(key: string): void {
    if (this.#closed) {
      throw new ActorError("systemStopped", "the system was shut down and schedules nothing more", {
        value: key,
        remedy: anotherSystem,
      });
    }
    if (typeof key !== "string") {
      throw new ActorError("badKey", `${String(key)} is not a key`, {
        value: key,
        remedy: "use a string",
      });
    }
    if (this.#entries.size >= this.#maxScheduled && !this.#entries.has(key)) {
      throw new ActorError("tooManyScheduled", `"${key}" would be one more than maxScheduled`, {
        value: this.#maxScheduled,
        remedy: "cancel what is no longer needed, or raise maxScheduled",
      });
    }
  }

  #schedule(key: string, entry: Entry, delay: number): Timer {
    return this.#clock.schedule(delay, () => this.#fire(key, entry));
  }

  #fire(key: string, entry: Entry): void {
    // First, so that the target may use the key again.
    if (entry.interval === undefined) this.#remove(key, entry);
    else entry.timer = this.#schedule(key, entry, entry.interval);
    this.#tell(key, entry);
  }

  #targetStopped(key: string, entry: Entry): void {
    if (this.#entries.get(key) !== entry) return;
    this.#remove(key, entry);
    // Becomes a dead letter, so that the message is not lost without a trace.
    if (entry.interval === undefined) this.#tell(key, entry);
  }

  #tell(key: string, { target, message }: Entry): void {
    try {
      target.tell(message);
    } catch (error) {
      this.#logger.log("error", "scheduler", "a target threw instead of taking a message", {
        key,
        target: target.path,
        error,
      });
    }
  }

  #remove(key: string, entry: Entry): void {
    this.#entries.delete(key);
    entry.timer?.cancel();
    entry.forget?.();
  }
}
