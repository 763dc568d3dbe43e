import { assert, assertEquals } from "@std/assert";
import { VirtualClock } from "../../lib/testkit/virtual_clock.ts";

Deno.test("events of one moment happen in the order in which they were scheduled", () => {
  const clock = new VirtualClock();
  const happened: string[] = [];
  clock.schedule(2, () => happened.push("c"));
  clock.schedule(1, () => {
    happened.push("a");
    clock.scheduleAt(2, () => happened.push("d"));
    clock.schedule(0, () => happened.push("b"));
  });
  const cancelled = clock.schedule(1.5, () => happened.push("never"));
  cancelled.cancel();
  assertEquals([clock.queued, clock.pending], [3, 2]);
  clock.run(10);
  assertEquals(happened, ["a", "b", "c", "d"]);
  assertEquals(clock.now(), 10);
});

Deno.test("a timer for later fires later, also when its delay is lost in rounding", () => {
  const clock = new VirtualClock();
  clock.run(70_000);
  const now = clock.now();
  assertEquals(now + 3.6e-12, now);
  let fired = 0;
  clock.schedule(3.6e-12, () => fired = clock.now());
  clock.run(1);
  assert(fired > now);
});

Deno.test("a condition ends a run at the event that fulfils it, or not at all", () => {
  const clock = new VirtualClock();
  let count = 0;
  for (const delay of [10, 20, 30]) clock.schedule(delay, () => count++);
  assertEquals(clock.runUntil(() => count === 2, 100), 20);
  assertEquals(clock.runUntil(() => count === 9, 100), undefined);
  assertEquals([clock.now(), count], [120, 3]);
});
