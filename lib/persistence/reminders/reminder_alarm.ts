/**
 * Calls back when reminders of one incarnation are due. Times of reminders are wall times, which may
 * jump, and timers are not: so a long wait is checked now and then.
 *
 * @module
 */
import { backoffDelay } from "../../runtime/backoff.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { ReminderSet } from "./reminder_set.ts";
import type { DueReminder } from "./reminders.ts";

/** The longest wait without a look at the wall clock, milliseconds. */
export const longestWait = 60_000;
/** Between two tries of a reminder whose command fails. */
const backoff = { min: 1_000, max: 60_000 };

/**
 * Failures of reminders, beyond the incarnation that each one has ended: a command that always fails
 * must not make its actor restart without a pause.
 */
export class ReminderFailures {
  readonly #failures = new Map<string, { readonly count: number; readonly until: number }>();

  /** `now`: milliseconds of the clock. */
  add(key: string, now: number): void {
    const count = (this.#failures.get(key)?.count ?? 0) + 1;
    this.#failures.set(key, { count, until: now + backoffDelay(backoff, count - 1, 0) });
  }

  /** It was handled. */
  remove(key: string): void {
    this.#failures.delete(key);
  }

  /** When it may be tried again, on the clock; 0: now. */
  until(key: string): number {
    return this.#failures.get(key)?.until ?? 0;
  }
}

/** What an alarm depends on. */
export interface AlarmPort {
  readonly clock: Clock;
  readonly failures: ReminderFailures;
  /** A reminder is due: `handled` or `failed` must follow. */
  fire(reminder: DueReminder): void;
}

/** See the module's text. */
export class ReminderAlarm {
  readonly #port: AlarmPort;
  readonly #set: ReminderSet;
  /** Due times that were fired and are not handled yet, by key. */
  readonly #underWay = new Map<string, number>();
  #timer: Timer | undefined;
  #closed = false;

  constructor(set: ReminderSet, port: AlarmPort) {
    this.#set = set;
    this.#port = port;
    this.arm();
  }

  /** Looks again when the next reminder is due: to be called when the set has changed. */
  arm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#closed) return;
    const { clock, failures } = this.#port;
    const [now, wall] = [clock.now(), clock.wallTime()];
    let wait = Infinity;
    for (const { key, due } of this.#set.list()) {
      if (this.#underWay.get(key) === due) continue;
      wait = Math.min(wait, Math.max(due - wall, failures.until(key) - now));
    }
    if (wait === Infinity) return;
    this.#timer = clock.schedule(Math.min(Math.max(0, wait), longestWait), () => this.#look());
  }

  /** The message of a reminder was handled, or is not wanted any more. */
  handled(key: string): void {
    this.#underWay.delete(key);
    this.#port.failures.remove(key);
    this.arm();
  }

  /** Its command has failed: it is tried again after a pause. */
  failed(key: string): void {
    this.#underWay.delete(key);
    this.#port.failures.add(key, this.#port.clock.now());
    this.arm();
  }

  /** Commands that were kept for later are handled again. */
  fireAgain(): void {
    this.#underWay.clear();
    this.arm();
  }

  /** Nothing is fired any more. */
  close(): void {
    this.#closed = true;
    this.arm();
  }

  #look(): void {
    const { clock, failures, fire } = this.#port;
    const now = clock.now();
    for (const { key, due } of this.#set.due(clock.wallTime())) {
      if (this.#underWay.get(key) === due || failures.until(key) > now) continue;
      this.#underWay.set(key, due);
      fire({ key, due });
    }
    this.arm();
  }
}
