import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { PersistenceError } from "../../../lib/persistence/mod.ts";
import { cronAfter } from "../../../lib/persistence/reminders/cron.ts";
import "../../../lib/persistence/reminders/croner.ts";
import { cronTime, nextDue } from "../../../lib/persistence/reminders/schedule.ts";

/** The next due times, in UTC, to the minute. */
function times(expression: string, timeZone: string, from: string, count: number): string[] {
  const found: string[] = [];
  let at: number | undefined = Date.parse(from);
  while (found.length < count && at !== undefined) {
    at = cronAfter({ expression, timeZone }, at);
    if (at !== undefined) found.push(new Date(at).toISOString().slice(0, 16));
  }
  return found;
}

Deno.test("a cron expression is meant in its time zone, in summer and in winter", () => {
  assertEquals(times("0 9 * * MON-FRI", "America/New_York", "2026-03-06T15:00Z", 2), [
    "2026-03-09T13:00",
    "2026-03-10T13:00",
  ]);
  assertEquals(times("0 9 * * *", "Asia/Kolkata", "2026-01-01T00:00Z", 1), ["2026-01-01T03:30"]);
  assertEquals(times("0 0 29 2 *", "UTC", "2026-01-01T00:00Z", 2), [
    "2028-02-29T00:00",
    "2032-02-29T00:00",
  ]);
});

// Clocks in Berlin: on 2026-03-29 02:00 is followed by 03:00, on 2026-10-25 03:00 by 02:00.
Deno.test("a job at a named time that does not exist comes just after the gap, once", () => {
  assertEquals(times("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", 2), [
    "2026-03-29T01:00",
    "2026-03-30T00:30",
  ]);
  assertEquals(times("30 2,14 * * *", "Europe/Berlin", "2026-03-28T14:00Z", 3), [
    "2026-03-29T01:00",
    "2026-03-29T12:30",
    "2026-03-30T00:30",
  ]);
  // A gap of half an hour: 02:00 is followed by 02:30 on 2026-10-04.
  assertEquals(times("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00Z", 2), [
    "2026-10-03T15:30",
    "2026-10-04T15:15",
  ]);
});

Deno.test("a job at a named time that there is twice comes once, the first time", () => {
  assertEquals(times("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", 2), [
    "2026-10-25T00:30",
    "2026-10-26T01:30",
  ]);
  assertEquals(times("30 1,2,3 * * *", "Europe/Berlin", "2026-10-24T22:00Z", 4), [
    "2026-10-24T23:30",
    "2026-10-25T00:30",
    "2026-10-25T02:30",
    "2026-10-26T00:30",
  ]);
});

Deno.test("a job in steps comes whenever the clock shows its times", () => {
  assertEquals(times("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:10Z", 5), [
    "2026-10-25T00:30",
    "2026-10-25T01:00",
    "2026-10-25T01:30",
    "2026-10-25T02:00",
    "2026-10-25T02:30",
  ]);
  assertEquals(times("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:10Z", 3), [
    "2026-03-29T00:30",
    "2026-03-29T01:00",
    "2026-03-29T01:30",
  ]);
});

const zones = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"];
const pad = (value: number) => String(value).padStart(2, "0");

/** What a clock on the wall shows. */
const shown = (timeZone: string) => {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  return (at: number) => format.format(at);
};

Deno.test("a job in steps comes at exactly the minutes at which the clock shows its time", () => {
  const property = fc.property(
    fc.constantFrom(...zones),
    fc.integer({ min: 1, max: 59 }),
    fc.integer({ min: 0, max: 364 * 24 }),
    (zone, step, hours) => {
      const from = Date.UTC(2026, 0, 1) + hours * 3_600_000;
      const show = shown(zone);
      const expected: number[] = [];
      for (let at = from + 60_000; at <= from + 4 * 3_600_000; at += 60_000) {
        if (Number(show(at).slice(3)) % step === 0) expected.push(at);
      }
      const found: number[] = [];
      for (let at: number = from; found.length < expected.length;) {
        at = cronAfter({ expression: `*/${step} * * * *`, timeZone: zone }, at)!;
        found.push(at);
      }
      assertEquals(found, expected);
    },
  );
  fc.assert(property, { numRuns: 60 });
});

Deno.test("a job at a named time comes once on each day of the year, in every zone", () => {
  for (const timeZone of zones) {
    const show = shown(timeZone);
    for (const [hour, minute] of [[0, 0], [1, 59], [2, 0], [2, 15], [2, 59], [3, 0]] as const) {
      const expression = `${minute} ${hour} * * *`;
      let at = Date.UTC(2026, 0, 1);
      const off: string[] = [];
      for (let day = 0; day < 365; day++) {
        const next = cronAfter({ expression, timeZone }, at)!;
        const hours = (next - at) / 3_600_000;
        if (day > 0 && (hours < 23 || hours > 25)) off.push(`${hours} h before ${show(next)}`);
        if (show(next) !== `${pad(hour)}:${pad(minute)}`) off.push(show(next));
        at = next;
      }
      // Only the times of gaps are not shown, once a year.
      const inGap = off.filter((text) => text.length === 5).length;
      assertEquals(off.length - inGap, 0, `${expression} ${timeZone}: ${off}`);
      assertEquals(inGap <= 1, true, `${expression} ${timeZone}: ${off}`);
    }
  }
});

Deno.test("a wrong cron expression is refused with its field", () => {
  const refused = (when: unknown, text: string) => {
    const error = assertThrows(
      () => cronTime(when as string, Date.UTC(2026, 0, 1)),
      PersistenceError,
    );
    assertEquals(error.code, "badReminder");
    assertStringIncludes(error.message, text);
  };
  refused("61 * * * *", 'field 1, the minute, is "61"');
  refused("0 24 * * *", 'field 2, the hour, is "24"');
  refused("0 0 32 * *", 'field 3, the day of month, is "32"');
  refused("0 0 * FOO *", 'field 4, the month, is "FOO"');
  refused("0 0 * * MONDAY", 'field 5, the day of week, is "MONDAY"');
  refused("77 0 0 * * *", 'field 1, the second, is "77"');
  refused("*/0 * * * *", 'field 1, the minute, is "*/0"');
  refused("9-5 * * * *", 'field 1, the minute, is "9-5"');
  refused("* * * *", "it has 5 to 7 fields, not 4");
  refused("", "it has 5 to 7 fields, not 0");
  refused("2026-01-01T00:00:00", "it has 5 to 7 fields, not 1");
  refused("@reboot", "it has 5 to 7 fields, not 1");
  refused(7, "7 is no cron expression");
  refused("0 0 30 2 *", "is never due");
  refused("0 0 0 1 1 * 2020", "is never due");
  refused({ expression: "0 0 * * *", timeZone: "Mars/Olympus" }, '"Mars/Olympus" is no time zone');
  refused({ expression: "0 0 * * *", timeZone: "" }, '"" is no time zone');
});

Deno.test("cron times that have passed are one", () => {
  const schedule = { type: "cron", expression: "0 2 * * *", timeZone: "Europe/Berlin" } as const;
  const due = cronAfter(schedule, Date.UTC(2026, 2, 27))!;
  const next = nextDue(schedule, due, Date.UTC(2026, 3, 15, 12));
  assertEquals(new Date(next!).toISOString(), "2026-04-16T00:00:00.000Z");
});

Deno.test("a nickname is a cron expression", () => {
  assertEquals(times("@daily", "Europe/Berlin", "2026-07-01T12:00Z", 1), ["2026-07-01T22:00"]);
});
