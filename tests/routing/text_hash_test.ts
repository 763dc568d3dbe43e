import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { hashText, mixBits } from "../../lib/runtime/fnv.ts";
import { shardOf } from "../../lib/sharding/routing/shard_hash.ts";

/** Pinned: a change of any of these sends messages of running clusters to other routees. */
const vectors: readonly (readonly [text: string, hash: number])[] = [
  ["", 0xab3e7c0b],
  ["a", 0x91e9da27],
  ["hits", 0xb3c9948b],
  ["user-42", 0xd011b6db],
  ["ação", 0x059f3636],
  ["日本", 0xd0123169],
  ["😀", 0xadd01006],
  ["/pool/routee-1", 0xdcffb61e],
  ["10.0.0.1:25520/pool/routee-1", 0x58962a4c],
];

Deno.test("the hash of a text never changes", () => {
  for (const [text, hash] of vectors) assertEquals(hashText(text) >>> 0, hash, text);
});

Deno.test("routing and sharding know one hash", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    assertEquals(hashText(text) >>> 0, shardOf(text, 2 ** 32));
  }));
});

Deno.test("mixing keeps different numbers different, and one bit changes half of the others", () => {
  const seen = new Set<number>();
  let changed = 0;
  for (let number = 0; number < 20_000; number++) {
    seen.add(mixBits(number));
    let difference = (mixBits(number) ^ mixBits(number ^ (1 << (number % 32)))) >>> 0;
    for (; difference > 0; difference &= difference - 1, difference >>>= 0) changed++;
  }
  assertEquals(seen.size, 20_000);
  const average = changed / 20_000;
  assert(average > 15.5 && average < 16.5, `${average} bits change`);
});
