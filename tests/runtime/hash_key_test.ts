import { assert, assertEquals } from "@std/assert";
import { hashKey, PeerNumberMap } from "../../lib/runtime/hash_key.ts";
import { keysOf } from "../wire/hostile_keys.ts";

const count = 16_384;

/** The best of some runs: pauses of the machine make a run longer, never shorter. */
function bestTime(run: () => void): number {
  let best = Infinity;
  for (let i = 0; i < 3; i++) {
    const from = performance.now();
    run();
    best = Math.min(best, performance.now() - from);
  }
  return best;
}

Deno.test("texts that collide take at most 5 times as long as others, by their hash keys", () => {
  const fill = (texts: readonly unknown[]) => () => {
    const map = new Map<string, number>();
    for (const text of texts) map.set(hashKey(text as string), 1);
    for (const text of texts) assert(map.has(hashKey(text as string)));
    assertEquals(map.size, count);
  };
  const ordinary = bestTime(fill(keysOf("texts of digits", count)));
  const hostile = bestTime(fill(keysOf("colliding texts", count)));
  assert(hostile <= 5 * ordinary, `${hostile} and ${ordinary} ms`);
});

Deno.test("numbers that collide take at most 5 times as long as others", () => {
  const fill = (numbers: readonly unknown[]) => () => {
    const map = new PeerNumberMap<number>();
    for (const number of numbers) map.set(number as number, 1);
    for (const number of numbers) assert(map.delete(number as number));
    assertEquals(map.size, 0);
  };
  const ordinary = bestTime(fill(keysOf("integers", count)));
  const hostile = bestTime(fill(keysOf("colliding integers", count)));
  assert(hostile <= 5 * ordinary, `${hostile} and ${ordinary} ms`);
});

Deno.test("different texts have different hash keys", () => {
  const texts = ["", "0", "\0", "\x000", "\0\x000", "a1", "1a", "-1", "9"];
  assertEquals(new Set(texts.map(hashKey)).size, texts.length);
  assertEquals(hashKey("alice"), "alice");
});

Deno.test("a map of numbers keeps numbers and values in the order in which they came", () => {
  const map = new PeerNumberMap<string>();
  map.set(3, "c");
  map.set(1, "a");
  assertEquals([...map], [[3, "c"], [1, "a"]]);
  assertEquals([map.get(3), map.has(2), map.delete(2), map.size], ["c", false, false, 2]);
  map.clear();
  assertEquals(map.size, 0);
});
