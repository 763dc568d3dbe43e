import { assertEquals } from "@std/assert";
import { backoffDelay } from "../../lib/runtime/backoff.ts";

Deno.test("delays double from min up to max", () => {
  const delays = [0, 1, 2, 3, 4, 5].map((attempt) =>
    backoffDelay({ min: 200, max: 5_000 }, attempt, 0.9)
  );
  assertEquals(delays, [200, 400, 800, 1_600, 3_200, 5_000]);
  assertEquals(backoffDelay({ min: 1, max: 60_000, factor: 10 }, 3, 0), 1_000);
});

Deno.test("jitter draws the delay from its shares of the full one", () => {
  const draw = (jitter: readonly [number, number], random: number) =>
    backoffDelay({ min: 100, max: 1_000, jitter }, 1, random);
  assertEquals([draw([0, 1], 0), draw([0, 1], 0.5)], [0, 100]);
  assertEquals([draw([0.25, 1], 0), draw([0.25, 1], 0.5)], [50, 125]);
  assertEquals([draw([1, 1.5], 0), draw([1, 1.5], 0.5)], [200, 250]);
});

Deno.test("a huge number of attempts neither overflows nor exceeds max", () => {
  assertEquals(backoffDelay({ min: 1, max: 30_000 }, 1e9, 0), 30_000);
  assertEquals(backoffDelay({ min: 0, max: 30_000 }, 1e9, 0), 0);
});
