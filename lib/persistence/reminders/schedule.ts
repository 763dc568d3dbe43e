/**
 * When reminders are due. Pure: times are arguments, in milliseconds since 1970. Those that come out are
 * whole: stores keep them as such.
 *
 * @module
 */
import { rules } from "../../runtime/rules.ts";
import { cronAfter, type CronTime } from "./cron.ts";
import { badReminder } from "./reminder_errors.ts";

/** When a reminder is due. */
export type Schedule =
  | { readonly type: "once"; readonly at: number }
  /** `interval`: milliseconds between two due times. */
  | { readonly type: "every"; readonly interval: number }
  | ({ readonly type: "cron" } & CronTime);

/** The shortest interval, milliseconds: each time is an event in the store. */
export const minInterval = 1_000;
/** The longest time from now, milliseconds: 10 years. A moment is given as a `Date`. */
export const maxDelay = 3_652 * 86_400_000;
/** The latest moment that a `Date` knows. */
const maxTime = 8_640_000_000_000_000;

/**
 * A moment: a `Date`, or milliseconds from now.
 *
 * @throws {PersistenceError} code `badReminder`.
 */
export function onceAt(when: Date | number, now: number): Schedule {
  if (when instanceof Date && !Number.isNaN(when.getTime())) {
    return { type: "once", at: when.getTime() };
  }
  if (isWithin(when, 0, maxDelay)) return { type: "once", at: Math.ceil(now + when) };
  throw badReminder(`${String(when)} is no time of a reminder`, when, {
    remedy: `give a Date, or milliseconds from now, 0 to ${maxDelay} (10 years)`,
  });
}

/** @throws {PersistenceError} code `badReminder`. */
export function everyInterval(interval: number): Schedule {
  if (isWithin(interval, minInterval, maxDelay)) {
    return { type: "every", interval: Math.ceil(interval) };
  }
  throw badReminder(`${String(interval)} is no interval of a reminder`, interval, {
    remedy: `give milliseconds, ${minInterval} to ${maxDelay} (10 years); ` +
      "what happens more often is for context.timers",
  });
}

/**
 * A cron expression, in UTC unless a time zone is given.
 *
 * @throws {PersistenceError} code `badReminder`, which names the wrong field.
 */
export function cronTime(
  when: string | { readonly expression: string; readonly timeZone?: string },
  now: number,
): Schedule {
  const { expression, timeZone = "UTC" }: {
    readonly expression: string;
    readonly timeZone?: string;
  } = typeof when === "object" && when !== null ? when : { expression: when };
  const other = typeof when === "object" && when !== null &&
    Object.keys(when).find((name) => name !== "expression" && name !== "timeZone");
  if (typeof other === "string") {
    throw badReminder(`${JSON.stringify(other)} is no field of a cron time`, when, {
      remedy: "use expression, and timeZone for another time zone than UTC",
    });
  }
  const schedule = { type: "cron", expression, timeZone } as const;
  if (cronAfter(schedule, now) === undefined) {
    throw badReminder(`${JSON.stringify(expression)} is never due`, expression, {
      remedy: "give days that there are in one of its months, and years to come",
    });
  }
  return schedule;
}

/** The first due time of a reminder that is set now; undefined: there is none. */
export function firstDue(schedule: Schedule, now: number): number | undefined {
  switch (schedule.type) {
    case "once":
      return schedule.at;
    case "every":
      return Math.ceil(now) + schedule.interval;
    case "cron":
      return cronAfter(schedule, now);
  }
}

/**
 * The due time after `due`, which is handled `now`: the first one that is still to come. So all that
 * have passed meanwhile, as in an outage, are one with `due`. Undefined: there is none.
 *
 * Invariant: the result is above `due` and above `now`; an interval keeps its rhythm.
 */
export function nextDue(schedule: Schedule, due: number, now: number): number | undefined {
  const from = rules.missedTimesAreOne ? Math.max(due, now) : due;
  switch (schedule.type) {
    case "once":
      return undefined;
    case "every": {
      const { interval } = schedule;
      const next = due + (Math.floor((from - due) / interval) + 1) * interval;
      return next <= maxTime ? next : undefined;
    }
    case "cron":
      return cronAfter(schedule, from);
  }
}

function isWithin(value: unknown, min: number, max: number): value is number {
  return typeof value === "number" && value >= min && value <= max;
}
