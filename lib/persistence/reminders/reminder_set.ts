/**
 * The reminders of one durable actor: the section of its metadata that says what it is to be told, and when.
 * Pure: its entries are made here, and applied when they are stored with the events of a command.
 *
 * Invariant: one reminder a key. A due time is marked as handled in the same append as what its message
 * has led to, and the next one is after it: so no due time is handled twice, and one whose append was
 * not done is handled again.
 *
 * @module
 */
import { nextDue, type Schedule } from "./schedule.ts";

/** A reminder that is set. */
export interface Reminder {
  /** Unique in its actor. */
  readonly key: string;
  /** When it is due next, milliseconds since 1970. */
  readonly due: number;
  /** When it is due at all. */
  readonly schedule: Schedule;
  /** What the actor is told: plain data. */
  readonly message: unknown;
  /**
   * The span of the command that has set it, as a header `traceparent`; absent: it was not traced, or
   * its trace was not sampled.
   */
  readonly trace?: string;
}

/** What changes the reminders of an actor: plain data, as it is stored. */
export type ReminderEntry =
  /** It replaces the one of the same key. */
  | ({ readonly type: "set" } & Reminder)
  | { readonly type: "cancelled"; readonly key: string }
  /** What was due is handled by the events beside; `next`: undefined: it is not due again. */
  | {
    readonly type: "fired";
    readonly key: string;
    readonly due: number;
    readonly next?: number;
  };

/** See the module's text. */
export class ReminderSet {
  readonly #reminders = new Map<string, Reminder>();

  /** Those of a set, or none. */
  constructor(reminders: Iterable<Reminder> = []) {
    for (const reminder of reminders) this.#reminders.set(reminder.key, reminder);
  }

  /** How many there are. */
  get size(): number {
    return this.#reminders.size;
  }

  /** The reminder of a key. */
  get(key: string): Reminder | undefined {
    return this.#reminders.get(key);
  }

  /** All, in the order in which their keys were first set. */
  list(): readonly Reminder[] {
    return [...this.#reminders.values()];
  }

  /** When the next one is due, milliseconds since 1970; undefined: none is. */
  get wake(): number | undefined {
    let soonest: number | undefined;
    for (const { due } of this.#reminders.values()) {
      if (soonest === undefined || due < soonest) soonest = due;
    }
    return soonest;
  }

  /** Those that are due by `now`, the soonest first. */
  due(now: number): readonly Reminder[] {
    const found: Reminder[] = [];
    for (const reminder of this.#reminders.values()) if (reminder.due <= now) found.push(reminder);
    return found.sort((a, b) => a.due - b.due);
  }

  /**
   * The mark that a due time is handled, to be stored with what came of it; undefined: it is no longer
   * due, because it was handled, replaced or cancelled.
   */
  fired(key: string, due: number, now: number): ReminderEntry | undefined {
    const reminder = this.#reminders.get(key);
    if (reminder?.due !== due) return undefined;
    const next = nextDue(reminder.schedule, due, now);
    return { type: "fired", key, due, ...(next !== undefined && { next }) };
  }

  /**
   * Applies an entry.
   *
   * @throws {TypeError} if it is none, or marks what is not due: what is stored is corrupt.
   */
  apply(entry: unknown): void {
    const { type, key } = entry as ReminderEntry;
    if (typeof key !== "string") throw new TypeError("an entry of reminders has no key");
    if (type === "set") {
      const { due, schedule, message, trace } = entry as Reminder;
      if (typeof due !== "number") throw new TypeError(`reminder "${key}" has no due time`);
      const traced = typeof trace === "string" ? { trace } : {};
      this.#reminders.set(key, { key, due, schedule, message, ...traced });
    } else if (type === "cancelled") {
      this.#reminders.delete(key);
    } else if (type === "fired") {
      this.#onFired(key, entry as { due: number; next?: number });
    } else {
      throw new TypeError(`"${type}" is no entry of reminders`);
    }
  }

  #onFired(key: string, { due, next }: { readonly due: number; readonly next?: number }): void {
    const reminder = this.#reminders.get(key);
    if (reminder?.due !== due) throw new TypeError(`reminder "${key}" was not due at ${due}`);
    if (next === undefined) this.#reminders.delete(key);
    else this.#reminders.set(key, { ...reminder, due: next });
  }

  /** All as plain data; undefined if there are none. */
  save(): unknown {
    return this.size === 0 ? undefined : this.list();
  }

  /** Replaces all by what {@linkcode ReminderSet.save} has made. Throws as `apply` does. */
  load(saved: unknown): void {
    this.#reminders.clear();
    for (const reminder of saved as Reminder[]) this.apply({ type: "set", ...reminder });
  }
}
