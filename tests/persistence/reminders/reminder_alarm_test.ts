import { assert, assertEquals } from "@std/assert";
import {
  longestWait,
  ReminderAlarm,
  ReminderTries,
} from "../../../lib/persistence/reminders/reminder_alarm.ts";
import { ReminderSet } from "../../../lib/persistence/reminders/reminder_set.ts";
import { VirtualClock } from "../../../lib/testkit/virtual_clock.ts";
import type { Clock } from "../../../lib/runtime/clock.ts";

/** A wall clock that can be set. */
class SetClock extends VirtualClock {
  /** Milliseconds by which it was set forward. */
  offset = 0;
  override wallTime(): number {
    return super.wallTime() + this.offset;
  }
}

function alarmed(clock: Clock, ...dues: readonly (readonly [key: string, due: number])[]) {
  const set = new ReminderSet();
  for (const [key, due] of dues) {
    set.apply({ type: "set", key, due, schedule: { type: "every", interval: 1_000 }, message: 0 });
  }
  const fired: string[] = [];
  const times: number[] = [];
  const alarm = new ReminderAlarm(set, {
    clock,
    tries: new ReminderTries(),
    fire: ({ key }) => {
      fired.push(key);
      times.push(clock.now());
    },
  });
  const handle = (key: string) => {
    alarm.begin(key);
    set.apply(set.fired(key, set.get(key)!.due, clock.wallTime()));
    alarm.taken(key);
    alarm.durable(key);
  };
  return { set, alarm, fired, times, handle };
}

Deno.test("reminders are fired when they are due, each due time once until it is handled", () => {
  const clock = new VirtualClock();
  const now = clock.wallTime();
  const { fired, times, handle } = alarmed(clock, ["b", now + 700], ["a", now + 500]);
  clock.run(499);
  assertEquals(fired, []);
  clock.run(10_100);
  assertEquals([fired, times], [["a", "b"], [500, 700]]);
  handle("a");
  clock.run(800);
  assertEquals(fired, ["a", "b"]);
  clock.run(200);
  assertEquals(fired, ["a", "b", "a"]);
});

Deno.test("a wall clock that is set forward fires what is due then, within a minute", () => {
  const clock = new SetClock();
  const { fired } = alarmed(clock, ["a", clock.wallTime() + 24 * 3_600_000]);
  clock.run(1_000);
  clock.offset = 25 * 3_600_000;
  clock.run(longestWait);
  assertEquals(fired, ["a"]);
});

Deno.test("a wall clock that is set back delays reminders, and fires none twice", () => {
  const clock = new SetClock();
  const due = clock.wallTime() + 5_000;
  const { fired, handle, set } = alarmed(clock, ["a", due]);
  clock.run(5_000);
  assertEquals(fired, ["a"]);
  handle("a");
  clock.offset = -10_000;
  clock.run(10_000);
  assertEquals(fired, ["a"]);
  clock.run(1_000 + longestWait);
  assertEquals(fired, ["a", "a"]);
  assertEquals(set.get("a")!.due, due + 1_000);
});

Deno.test("a reminder whose command fails is tried again after growing pauses", () => {
  const clock = new VirtualClock();
  const { alarm, times, fired } = alarmed(clock, ["a", clock.wallTime()]);
  for (let failures = 0; failures < 10; failures++) {
    const before = fired.length;
    assert(clock.runUntil(() => fired.length > before, 200_000) !== undefined);
    alarm.begin("a");
    alarm.taken("a");
  }
  const pauses = times.slice(1).map((time, at) => time - times[at]!);
  assertEquals(pauses.slice(0, 7), [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000]);
});

Deno.test("a command that was kept for later is fired again, and nothing after the end", () => {
  const clock = new VirtualClock();
  const { alarm, fired } = alarmed(clock, ["a", clock.wallTime()]);
  clock.run(1);
  alarm.begin("a");
  alarm.kept("a");
  clock.run(100_000);
  assertEquals(fired, ["a"]);
  alarm.fireAgain();
  clock.run(1);
  assertEquals(fired, ["a", "a"]);
  alarm.close();
  alarm.fireAgain();
  clock.run(200_000);
  assertEquals(fired, ["a", "a"]);
  assertEquals(clock.pending, 0);
});
