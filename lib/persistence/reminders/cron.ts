/**
 * The times of cron expressions. The library that reads them comes with the entries that have stores
 * (`croner.ts`), so that programs without durable actors do not load it.
 *
 * @module
 */
import { badReminder } from "./reminder_errors.ts";

/** When a job runs, as cron says it. */
export interface CronTime {
  /**
   * Minute, hour, day of month, month and day of week (0 or 7: Sunday); optionally a second before
   * them, and a year behind. Or one of `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
   */
  readonly expression: string;
  /** IANA name of the time zone in which it is meant, such as `"Europe/Berlin"`. */
  readonly timeZone: string;
}

/** The first time after `after`, as {@linkcode cronAfter}. */
export type CronReader = (time: CronTime, after: number) => number | undefined;

let reader: CronReader | undefined;

/** Reads cron expressions from now on. */
export function readCronWith(next: CronReader): void {
  reader = next;
}

/**
 * The first time after `after`, both in milliseconds since 1970; undefined: there is none any more.
 *
 * @throws {PersistenceError} code `badReminder`.
 */
export function cronAfter(time: CronTime, after: number): number | undefined {
  if (reader !== undefined) return reader(time, after);
  throw badReminder("cron expressions cannot be read: their reader is not loaded", time, {
    remedy: 'add import "@casty/casty/persistence" to the program',
  });
}
