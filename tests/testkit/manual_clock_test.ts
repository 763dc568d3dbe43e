import { assert, assertEquals, assertRejects } from "@std/assert";
import { CastyError } from "../../lib/runtime/casty_error.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";

Deno.test("timers fire in order of time, then of creation", async () => {
  const clock = new ManualClock();
  const fired: string[] = [];
  clock.schedule(20, () => fired.push("late"));
  clock.schedule(10, () => fired.push("first"));
  clock.schedule(10, () => fired.push("second"));
  const cancelled = clock.schedule(5, () => fired.push("never"));
  cancelled.cancel();
  await clock.advance(15);
  assertEquals(fired, ["first", "second"]);
  assertEquals(clock.now(), 15);
  assertEquals(clock.pending, 1);
  await clock.advance(5);
  assertEquals(fired, ["first", "second", "late"]);
});

Deno.test("promises run to their end between two timers", async () => {
  const clock = new ManualClock();
  const seen: string[] = [];
  const sleep = (ms: number) => new Promise<void>((resolve) => clock.schedule(ms, resolve));
  const walk = async () => {
    await sleep(1);
    seen.push(`one at ${clock.now()}`);
    await sleep(1);
    seen.push(`two at ${clock.now()}`);
    return "end";
  };
  assertEquals(await clock.resolve(walk()), "end");
  assertEquals(seen, ["one at 1", "two at 2"]);
});

Deno.test("runUntil says so when nothing can change any more", async () => {
  const clock = new ManualClock();
  const error = await assertRejects(() => clock.runUntil(() => false, 100), CastyError);
  assertEquals(error.code, "conditionNotMet");
});

Deno.test("advanceUntil stops where the condition holds, or where its limit is", async () => {
  const clock = new ManualClock();
  let rung = false;
  clock.schedule(1_000, () => rung = true);
  assertEquals(await clock.advanceUntil(() => rung, 999), false);
  assertEquals(clock.now(), 999);
  assertEquals(await clock.advanceUntil(() => rung, 5_000), true);
  assertEquals(clock.now(), 1_000);
  assertEquals(await clock.advanceUntil(() => rung, 5_000), true);
  assertEquals(clock.now(), 1_000);
});

Deno.test("time does not go back when two move it at once", async () => {
  const clock = new ManualClock();
  const seen: number[] = [];
  for (const due of [5, 20, 40]) clock.schedule(due, () => seen.push(clock.now()));
  await Promise.all([clock.advance(10), clock.advance(50), clock.advanceUntil(() => false, 30)]);
  assertEquals(seen, [5, 20, 40]);
  assertEquals(clock.now(), 50);
});

Deno.test("a thousand timers in random order fire sorted", async () => {
  const clock = new ManualClock();
  const random = new SeededRandom(1);
  const fired: number[] = [];
  for (let i = 0; i < 1000; i++) {
    clock.schedule(Math.floor(random.next() * 500), () => fired.push(clock.now()));
  }
  await clock.advance(500);
  assertEquals(fired.length, 1000);
  assertEquals(fired, fired.toSorted((a, b) => a - b));
});

Deno.test("one seed gives one sequence; forks are independent", () => {
  const a = new SeededRandom("x");
  const b = new SeededRandom("x");
  assertEquals(
    Array.from({ length: 50 }, () => a.next()),
    Array.from({ length: 50 }, () => b.next()),
  );
  assertEquals(a.bytes(9), b.bytes(9));
  assert(a.fork("left").next() !== a.fork("right").next());
  const buckets = new Array(10).fill(0);
  for (let i = 0; i < 10_000; i++) buckets[Math.floor(a.next() * 10)]++;
  for (const count of buckets) assert(count > 850 && count < 1150, `uneven: ${buckets}`);
});
