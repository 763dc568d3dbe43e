/**
 * Calls back when reminders of one incarnation are due. Times of reminders are wall times, which may
 * jump, and timers are not: so a long wait is checked now and then.
 *
 * @module
 */
import { backoffDelay } from "../../runtime/backoff.ts";
import { rules } from "../../runtime/rules.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { ReminderSet } from "./reminder_set.ts";
import type { DueReminder } from "./reminders.ts";

/** The longest wait without a look at the wall clock, milliseconds. */
export const longestWait = 60_000;
/** Between two tries of a reminder whose command fails. */
const backoff = { min: 1_000, max: 60_000 };

/**
 * Tries of reminders whose marks are not durable yet, beyond the incarnation that a failed one has ended:
 * a command or an append that always fails must not make its actor restart without a pause.
 */
export class ReminderTries {
  readonly #tries = new Map<string, { readonly count: number; readonly until: number }>();

  /** A command begins. `now`: milliseconds of the clock. */
  begin(key: string, now: number): void {
    const count = (this.#tries.get(key)?.count ?? 0) + 1;
    this.#tries.set(key, { count, until: now + backoffDelay(backoff, count - 1, 0) });
  }

  /** It has ended well. */
  end(key: string): void {
    this.#tries.delete(key);
  }

  /** When it may be tried again, on the clock; 0: now. */
  until(key: string): number {
    return rules.failedRemindersPause ? this.#tries.get(key)?.until ?? 0 : 0;
  }
}

/** What an alarm depends on. */
export interface AlarmPort {
  readonly clock: Clock;
  readonly tries: ReminderTries;
  /** A reminder is due: `begin` and `taken` follow. */
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
    const { clock, tries } = this.#port;
    const [now, wall] = [clock.now(), clock.wallTime()];
    let wait = Infinity;
    for (const { key, due } of this.#set.list()) {
      if (this.#underWay.get(key) === due) continue;
      wait = Math.min(wait, Math.max(due - wall, tries.until(key) - now));
    }
    if (wait === Infinity) return;
    this.#timer = clock.schedule(Math.min(Math.max(0, wait), longestWait), () => this.#look());
  }

  /** The command of a reminder begins: `taken` or `kept` follows, and `durable`. */
  begin(key: string): void {
    this.#port.tries.begin(key, this.#port.clock.now());
  }

  /**
   * The command has ended, or was none any more. If it has failed, the reminder is still due, and is fired
   * again after a pause.
   */
  taken(key: string): void {
    this.#underWay.delete(key);
    this.arm();
  }

  /** The command is kept for later: the reminder stays due, and is not fired until `fireAgain`. */
  kept(key: string): void {
    this.#port.tries.end(key);
  }

  /** The mark is stored. */
  durable(key: string): void {
    this.#port.tries.end(key);
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
    const { clock, tries, fire } = this.#port;
    const now = clock.now();
    for (const { key, due } of this.#set.due(clock.wallTime())) {
      if (this.#underWay.get(key) === due || tries.until(key) > now) continue;
      this.#underWay.set(key, due);
      fire({ key, due });
    }
    this.arm();
  }
}
