import { assert, assertEquals } from "@std/assert";
import { LimitedLog } from "../../lib/runtime/limited_log.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { RecordedLog } from "../../lib/testkit/recorded_log.ts";

Deno.test("a cause of one identity gets a line a minute, and the number of the others", async () => {
  const clock = new ManualClock();
  const lines = new RecordedLog();
  const log = new LimitedLog(clock, lines);
  for (let i = 0; i < 5_000; i++) {
    log.add("warn", "sharding", "does not fit", { i }, { identity: "alice" });
  }
  assertEquals(lines.lines.length, 1);
  log.add("warn", "sharding", "does not fit", {}, { identity: "bob" });
  assertEquals(lines.lines.length, 2, "another identity has a line of its own");
  await clock.advance(60_000);
  assertEquals(lines.lines.length, 3);
  assertEquals(lines.lines[2]!.fields, { suppressed: 4_999, identity: "alice" });
  log.add("warn", "sharding", "does not fit", {}, { identity: "alice" });
  assertEquals(lines.lines.length, 4, "a new minute");
  log.close();
  await clock.advance(120_000);
  assertEquals(lines.lines.length, 4);
});

Deno.test("causes and identities that a peer invents cause fewer than ten lines a second", async () => {
  const clock = new ManualClock();
  const lines = new RecordedLog();
  const log = new LimitedLog(clock, lines);
  for (let i = 0; i < 5_000; i++) {
    log.add("warn", "x", "rejected", {}, { cause: `because of ${i}`, identity: "mallory" });
  }
  assertEquals(lines.lines.length, 10, "causes of one identity");
  for (let i = 0; i < 5_000; i++) log.add("warn", "x", "rejected", {}, { identity: `m${i}` });
  assertEquals(lines.lines.length, 250, "all identities");
  await clock.advance(60_000);
  assertEquals(lines.lines.length, 251);
  assertEquals(lines.lines.at(-1)!.fields, { suppressed: 9_750 });
  assert(lines.lines.length < 600);
});

Deno.test("what was left out is told when the log is closed", () => {
  const lines = new RecordedLog();
  const log = new LimitedLog(new ManualClock(), lines);
  for (let i = 0; i < 3; i++) log.add("error", "/a", "actor failed");
  log.close();
  assertEquals(lines.lines.map(({ level, message, fields }) => [level, message, fields]), [
    ["error", "actor failed", {}],
    ["error", "suppressed repetitions: actor failed", { suppressed: 2 }],
  ]);
});

Deno.test("a log that is closed sets no timer any more", async () => {
  const clock = new ManualClock();
  const lines = new RecordedLog();
  const log = new LimitedLog(clock, lines);
  log.close();
  for (let i = 0; i < 3; i++) log.add("warn", "/a", "late");
  assertEquals([lines.lines.length, clock.pending], [1, 0]);
  await clock.advance(120_000);
  assertEquals(lines.lines.length, 1);
});
