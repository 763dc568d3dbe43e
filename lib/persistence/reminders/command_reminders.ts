/**
 * What commands do to the reminders of their actor: collected until the effect of the command is taken.
 *
 * @module
 */
import { PersistenceError } from "../errors.ts";
import type { DueReminder, Reminders } from "./reminders.ts";
import { badReminder } from "./reminder_errors.ts";
import { type Reminder, type ReminderEntry, ReminderSet } from "./reminder_set.ts";
import { cronTime, everyInterval, firstDue, onceAt, type Schedule } from "./schedule.ts";

const maxKey = 255;

/** What the reminders of an actor depend on. */
export interface ReminderHost {
  /** Persistence id. */
  readonly id: string;
  readonly maxReminders: number;
  /** Those that are set; undefined: none ever was. */
  readonly reminders: ReminderSet | undefined;
  /** The reminder at hand. */
  readonly atHand: DueReminder | undefined;
  /** Whether a command is being decided. */
  readonly isDeciding: boolean;
  /** Whether the actor is started when one is due; or is no entity, and nobody expects that. */
  readonly isWoken: boolean;
  /** The span of the command, as a header `traceparent`; undefined: none is recorded. */
  readonly trace: string | undefined;
  /** Milliseconds since 1970. */
  wallTime(): number;
}

/** See the module's text. One for each incarnation whose commands use reminders. */
export class CommandReminders implements Reminders<unknown> {
  readonly #host: ReminderHost;
  #changes: ReminderEntry[] = [];

  constructor(host: ReminderHost) {
    this.#host = host;
  }

  /** What the command has changed; the next one begins without. */
  take(): readonly ReminderEntry[] {
    const changes = this.#changes;
    if (changes.length > 0) this.#changes = [];
    return changes;
  }

  get current(): DueReminder | undefined {
    return this.#host.atHand;
  }

  once(key: string, when: Date | number, message: unknown): void {
    const now = this.#now(key);
    this.#set(key, onceAt(when, now), now, message);
  }

  every(key: string, interval: number, message: unknown): void {
    const now = this.#now(key);
    this.#set(key, everyInterval(interval), now, message);
  }

  cron(
    key: string,
    when: string | { readonly expression: string; readonly timeZone?: string },
    message: unknown,
  ): void {
    const now = this.#now(key);
    this.#set(key, cronTime(when, now), now, message);
  }

  cancel(key: string): boolean {
    this.#now(key);
    if (this.#present().get(key) === undefined) return false;
    this.#changes.push({ type: "cancelled", key });
    return true;
  }

  list(): readonly Reminder[] {
    return this.#present().list();
  }

  #set(key: string, schedule: Schedule, now: number, message: unknown): void {
    const present = this.#present();
    const { maxReminders, id, isWoken } = this.#host;
    if (!isWoken) {
      throw new PersistenceError("notWoken", `${id}: nothing would start it for "${key}"`, {
        value: id,
        place: { id },
        remedy:
          "let the entity have no id and no journal of its own, and give its type the journal",
      });
    }
    if (present.get(key) === undefined && present.size >= maxReminders) {
      throw new PersistenceError(
        "tooManyReminders",
        `${id}: reminder "${key}" would be one more than ${maxReminders}`,
        {
          value: maxReminders,
          place: { id },
          remedy: "cancel some, or raise `maxReminders`",
        },
      );
    }
    const due = firstDue(schedule, now)!;
    const { trace } = this.#host;
    const traced = trace === undefined ? {} : { trace };
    this.#changes.push({ type: "set", key, due, schedule, message, ...traced });
  }

  /** With what this command has changed so far. */
  #present(): ReminderSet {
    const { reminders } = this.#host;
    if (this.#changes.length === 0) return reminders ?? new ReminderSet();
    const present = new ReminderSet(reminders?.list());
    for (const change of this.#changes) present.apply(change);
    return present;
  }

  /** The time, if reminders may be changed now. */
  #now(key: unknown): number {
    const { id } = this.#host;
    if (!this.#host.isDeciding) {
      throw new PersistenceError("noCommand", `${id}: no command changes reminders now`, {
        value: key,
        place: { id },
        remedy: "change them in onCommand, before its promise ends",
      });
    }
    if (typeof key !== "string" || key === "" || key.length > maxKey) {
      throw badReminder(`${id}: ${JSON.stringify(key)?.slice(0, 80)} is no key`, key, {
        remedy: `a key is a text of 1 to ${maxKey} characters`,
      });
    }
    return this.#host.wallTime();
  }
}
