// In a file of its own: colliding strings of other tests stay in the engine's table of strings.
import { assertEquals, assertStrictEquals } from "@std/assert";
import { assertSame, decodeInSteps, newCodec, roundTrip } from "./values.ts";

const codec = newCodec();

Deno.test("large containers of ordinary keys are read", () => {
  const kinds: ((i: number) => unknown)[] = [
    (i) => i,
    (i) => -i,
    (i) => i * 1_024,
    (i) => i * 1_000_000,
    (i) => i + 0.5,
    (i) => i * 2 ** 40,
    (i) => `key ${i}`,
    (i) => String(i),
    (i) => String(1_000_000 + i),
    (i) => BigInt(i) << 40n,
    (i) => new Date(i),
  ];
  for (const kind of kinds) {
    const keys = Array.from({ length: 65_536 }, (_, i) => kind(i));
    const set = new Set(keys);
    const map = new Map(keys.map((key, i) => [key, i]));
    assertStrictEquals((roundTrip(codec, set) as Set<unknown>).size, set.size);
    assertStrictEquals((roundTrip(codec, map) as Map<unknown, unknown>).size, map.size);
  }
  const large = newCodec({ maxMap: 2 ** 20, maxArray: 2 ** 20, maxValues: 2 ** 22 });
  const numbers = Array.from({ length: 200_000 }, (_, i) => i);
  assertEquals((roundTrip(large, numbers) as unknown[]).length, 200_000);
  assertEquals((roundTrip(large, new Set(numbers)) as Set<unknown>).size, 200_000);
  const records = Array.from({ length: 100_000 }, (_, id) => ({ id, name: `item ${id}` }));
  const read = roundTrip(large, records) as typeof records;
  assertEquals([read.length, read[99_999]], [100_000, { id: 99_999, name: "item 99999" }]);
});

Deno.test("ordinary bigints that collide in the engine are read while they are few", () => {
  // Networks of IPv6 (/64), and numbers with 64 binary places.
  const kinds: ((i: number) => bigint)[] = [
    (i) => (0x2001_0db8n << 96n) | (BigInt(i) << 64n),
    (i) => BigInt(i) << 64n,
  ];
  for (const kind of kinds) {
    for (const count of [200, 500]) {
      const keys = Array.from({ length: count }, (_, i) => kind(i));
      const groups = Array.from(
        { length: 5 },
        (_, i) => new Set(keys.slice(i * 100, i * 100 + 100)),
      );
      for (const value of [new Set(keys), new Map(keys.map((key) => [key, 1])), groups]) {
        const bytes = codec.encode(value).slice();
        for (let i = 0; i < 5; i++) {
          assertSame(codec.decode(bytes), value);
          assertSame(decodeInSteps(codec, bytes), value);
        }
      }
    }
  }
});
