/**
 * Cron expressions in a time zone, on the clock of the caller: `croner` reads them and knows the zones;
 * none of its own timers is used.
 *
 * Where clocks are set forward or back, it follows Vixie cron. A job at named times (neither `*` nor a
 * step in second, minute and hour) runs once a day: at the first of two equal times, and just after the
 * gap if its time does not exist. All others run at each time that exists, in both of two equal hours.
 *
 * @module
 */
import { Cron } from "croner";
import { type CronTime, readCronWith } from "./cron.ts";
import { badReminder } from "./reminder_errors.ts";

/** Expressions that are kept as croner has read them: a service has few, and many actors use each. */
const maxKept = 256;
const maxExpression = 255;
const nicknames = ["@hourly", "@daily", "@weekly", "@monthly", "@yearly"];
const fieldNames = ["minute", "hour", "day of month", "month", "day of week"];

const kept = new Map<string, Cron>();

readCronWith(cronerAfter);

/** See `cronAfter`. */
function cronerAfter({ expression, timeZone }: CronTime, after: number): number | undefined {
  return readCron(expression, timeZone).nextRun(new Date(after))?.getTime();
}

function readCron(expression: string, timeZone: string): Cron {
  const name = `${timeZone} ${expression}`;
  const known = kept.get(name);
  if (known !== undefined) return known;
  checkZone(timeZone);
  const cron = parse(expression, timeZone);
  if (kept.size >= maxKept) kept.delete(kept.keys().next().value!);
  kept.set(name, cron);
  return cron;
}

function checkZone(timeZone: unknown): void {
  try {
    if (typeof timeZone !== "string" || timeZone === "") throw new RangeError("no text");
    new Intl.DateTimeFormat("en", { timeZone });
  } catch (cause) {
    throw badReminder(`${shown(timeZone)} is no time zone`, timeZone, {
      cause,
      remedy: 'use an IANA name, such as "Europe/Berlin" or "UTC"',
    });
  }
}

function parse(expression: unknown, timeZone: string): Cron {
  const remedy =
    'write minute, hour, day of month, month and day of week, such as "30 2 * * MON-FRI"';
  if (typeof expression !== "string" || expression.length > maxExpression) {
    throw badReminder(`${shown(expression)} is no cron expression`, expression, { remedy });
  }
  const fields = expression.trim().split(/\s+/);
  const isNickname = fields.length === 1 && nicknames.includes(expression);
  // Also what croner takes besides: a date, and nicknames that depend on the start of the process.
  if (!isNickname && (fields.length < 5 || fields.length > 7)) {
    const why = `it has 5 to 7 fields, not ${expression.trim() === "" ? 0 : fields.length}`;
    throw badReminder(`${shown(expression)} is no cron expression: ${why}`, expression, { remedy });
  }
  try {
    return read(expression, timeZone);
  } catch (cause) {
    const place = wrongField(fields);
    throw badReminder(
      `${shown(expression)} is no cron expression: ${place ?? why(cause)}`,
      expression,
      {
        cause,
        remedy,
      },
    );
  }
}

function read(expression: string, timezone: string): Cron {
  return new Cron(expression, { timezone, fixedTimeRule: "no-wildcard" });
}

/** The field that cannot be read by itself. */
function wrongField(fields: readonly string[]): string | undefined {
  const names = fields.length === 5 ? fieldNames : ["second", ...fieldNames, "year"];
  for (const [place, field] of fields.entries()) {
    try {
      read(fields.map((_, at) => at === place ? field : "*").join(" "), "UTC");
    } catch (error) {
      return `field ${place + 1}, the ${names[place]}, is ${shown(field)} (${why(error)})`;
    }
  }
  return undefined;
}

function why(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/^\w+: /, "");
}

function shown(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 80) ?? String(value);
}
