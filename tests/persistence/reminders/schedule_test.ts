import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { PersistenceError } from "../../../lib/persistence/mod.ts";
import {
  everyInterval,
  firstDue,
  nextDue,
  onceAt,
} from "../../../lib/persistence/reminders/schedule.ts";

Deno.test("a reminder for once is due at its moment, or after its time, and never again", () => {
  const now = Date.UTC(2026, 0, 1);
  const moment = new Date(now + 5_000);
  for (const schedule of [onceAt(moment, now), onceAt(5_000, now)]) {
    assertEquals(firstDue(schedule, now), now + 5_000);
    assertEquals(nextDue(schedule, now + 5_000, now + 9_000), undefined);
  }
  // A moment that has passed: at once.
  assertEquals(firstDue(onceAt(new Date(now - 1), now), now), now - 1);
});

Deno.test("an interval keeps its rhythm, and what has passed is one", () => {
  const schedule = everyInterval(1_000);
  assertEquals(firstDue(schedule, 500), 1_500);
  assertEquals(nextDue(schedule, 1_500, 1_501), 2_500);
  assertEquals(nextDue(schedule, 1_500, 2_499), 2_500);
  assertEquals(nextDue(schedule, 1_500, 2_500), 3_500);
  assertEquals(nextDue(schedule, 1_500, 9_999), 10_500);
  // The wall clock was set back meanwhile.
  assertEquals(nextDue(schedule, 1_500, 10), 2_500);
});

Deno.test("the next due time is after the last one and to come, and no other is between", () => {
  const times = fc.integer({ min: 0, max: 10_000_000_000 });
  const property = fc.property(
    fc.integer({ min: 1_000, max: 100_000_000 }),
    times,
    times,
    (interval, due, now) => {
      const next = nextDue({ type: "every", interval }, due, now)!;
      assert(next > due && next > now);
      assertEquals((next - due) % interval, 0);
      assert(next - interval <= Math.max(due, now));
    },
  );
  fc.assert(property, { numRuns: 500 });
});

Deno.test("due times are whole milliseconds", () => {
  for (const schedule of [onceAt(1_000.2, 0.3), everyInterval(1_000.2)]) {
    const due = firstDue(schedule, 0.3)!;
    assertEquals(due, Math.ceil(due));
    const next = nextDue(schedule, due, 5_000.7);
    if (next !== undefined) assertEquals(next, Math.ceil(next));
  }
});

Deno.test("a time that cannot be meant is refused", () => {
  const refused = (make: () => unknown) =>
    assertEquals((assertThrows(make, PersistenceError) as PersistenceError).code, "badReminder");
  for (const when of [-1, NaN, Infinity, new Date(NaN), "soon", undefined, Date.UTC(2026, 0, 1)]) {
    refused(() => onceAt(when as number, 0));
  }
  for (const interval of [0, 999, -5, NaN, Infinity, 1e15, "1s"]) {
    refused(() => everyInterval(interval as number));
  }
});
