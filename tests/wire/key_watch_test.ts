import { assertStrictEquals } from "@std/assert";
import { KeyTimes } from "../../lib/wire/key_watch.ts";
import { wireErrorOf } from "./values.ts";

/** Look-ups on a clock of their own: each takes as long as `cost` says, in milliseconds. */
function lookups(cost: (key: unknown) => number) {
  let time = 1;
  const times = new KeyTimes(() => time);
  const container = {
    has(key: unknown): boolean {
      time += cost(key);
      return true;
    },
  };
  const check = (keys: readonly unknown[], inserted: number) =>
    wireErrorOf(() => times.check(container, keys, inserted));
  return { times, check };
}

const bigints = Array.from({ length: 64 }, (_, i) => BigInt(i) << 64n);

Deno.test("keys that collide are refused when they have cost a message too much", () => {
  const { times, check } = lookups(() => 0.002);
  for (let message = 0; message < 5; message++) {
    times.begin();
    assertStrictEquals(check(bigints, 600), undefined);
  }
  assertStrictEquals(check(bigints, 1_000), "malformed");
});

Deno.test("one slow measurement, as on a busy machine, refuses no keys that harm nobody", () => {
  let calls = 0;
  // The first look at 64 keys, and the measurement after it, 3 times each.
  const { times, check } = lookups(() => ++calls <= 2 * 3 * 64 ? 0.006 : 0.002);
  assertStrictEquals(check(bigints, 600), undefined);
  times.begin();
  assertStrictEquals(check(bigints, 1_000), "malformed");
});

Deno.test("strings among the keys do not hide that others collide", () => {
  const { check } = lookups((key) => typeof key === "string" ? 0 : 0.002);
  const mixed = bigints.flatMap((key) => [key, String(key)]);
  assertStrictEquals(check(mixed, 6_000), "malformed");
});

Deno.test("look-ups that take no time are never refused", () => {
  const { check } = lookups(() => 0);
  for (let i = 0; i < 100; i++) assertStrictEquals(check(bigints, 1_000_000), undefined);
});
