import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { assertSame, newCodec, roundTrip, wireErrorOf } from "./values.ts";

const codec = newCodec();

/** Factor by which multiplying undoes a multiplication, modulo 2^32. */
function inverse(factor: number): number {
  let x = factor;
  for (let i = 0; i < 5; i++) x = Math.imul(x, 2 - Math.imul(factor, x));
  return x;
}

/** Undoes `h ^= h >>> shift`. */
function unshift(hash: number, shift: number): number {
  let h = hash;
  for (let i = shift; i < 32; i += shift) h = (hash ^ (h >>> shift)) >>> 0;
  return h;
}

/** The small integer with a hash: V8's function backwards, as an attacker would compute it. */
function integerWithHash(hash: number): number {
  let h = Math.imul(unshift(hash >>> 0, 16), inverse(2057)) >>> 0;
  h = Math.imul(unshift(h, 4), inverse(5)) >>> 0;
  return Math.imul((unshift(h, 12) + 1) | 0, inverse(32767)) | 0;
}

function collidingIntegers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => integerWithHash((i << 16) >>> 0));
}

const collidingBigints = (count: number) =>
  Array.from({ length: count }, (_, i) => (BigInt(i + 1) << 64n) | 7n);

const forms: [string, (keys: unknown[]) => unknown][] = [
  ["Set", (keys) => new Set(keys)],
  ["Map", (keys) => new Map(keys.map((key) => [key, 0]))],
];

for (const [form, make] of forms) {
  Deno.test(`hostile: a ${form} whose keys all have one hash is refused before it costs anything`, () => {
    for (const keys of [collidingIntegers(5_000), collidingBigints(5_000)]) {
      assertEquals(new Set<unknown>(keys).size, 5_000);
      const bytes = codec.encode(make(keys)).slice();
      assertStrictEquals(wireErrorOf(() => codec.decode(bytes)), "malformed");
      const some = make(keys.slice(0, 4_000));
      assertSame(roundTrip(codec, some), some);
    }
  });

  Deno.test(`hostile: a large ${form} of ordinary keys is none of those`, () => {
    const kinds: ((i: number) => unknown)[] = [
      (i) => i,
      (i) => -i,
      (i) => i * 1_024,
      (i) => i * 1_000_000,
      (i) => i + 0.5,
      (i) => i * 2 ** 40,
      (i) => `key ${i}`,
      (i) => BigInt(i) << 40n,
    ];
    for (const kind of kinds) {
      const value = make(Array.from({ length: 20_000 }, (_, i) => kind(i)));
      assertSame(roundTrip(codec, value), value);
    }
  });
}

Deno.test("hostile: a bigint of millions of digits takes no step of the codec for each byte", () => {
  const value = -(1n << 40_000_000n) + 12_345n;
  const { padStart } = String.prototype;
  let steps = 0;
  String.prototype.padStart = function (...args: Parameters<typeof padStart>) {
    steps++;
    return padStart.apply(this, args);
  };
  try {
    assert(roundTrip(codec, value) === value);
  } finally {
    String.prototype.padStart = padStart;
  }
  assert(steps < 10, `${steps} steps`);
});
