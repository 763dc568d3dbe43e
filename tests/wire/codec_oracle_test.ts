/** The codec beside `@msgpack/msgpack`, which knows msgpack and nothing of our checks. */
import { Decoder, Encoder } from "@msgpack/msgpack";
import fc from "fast-check";
import { assertStrictEquals } from "@std/assert";
import { anyValue, assertSame, hexOf, newCodec, roundTrip } from "./values.ts";

const encoder = new Encoder();
const decoder = new Decoder();

/** Text that UTF-8 carries and that no decoder takes for a signature; "" to some thousand units. */
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: "binary-ascii", maxLength: 300 }),
  fc.tuple(fc.string({ unit: "grapheme", maxLength: 40 }), fc.integer({ min: 1, max: 300 }))
    .map(([part, times]) => part.repeat(times)),
).filter((text) => !text.startsWith("\ufeff"));

const plain: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 5 }, tie("leaf"), tie("node")),
  leaf: fc.oneof(
    fc.constantFrom(null, true, false),
    fc.double().filter((value) => !Object.is(value, -0)),
    fc.integer(),
    fc.maxSafeInteger(),
    text,
  ),
  node: fc.oneof(
    fc.array(tie("value"), { maxLength: 40 }),
    fc.dictionary(text.filter((key) => key !== "__proto__"), tie("value"), {
      maxKeys: 40,
      noNullPrototype: true,
    }),
  ),
})).value;

Deno.test("plain values have the very bytes that @msgpack/msgpack writes, and both read both", () => {
  const codec = newCodec();
  fc.assert(
    fc.property(plain, (value) => {
      const ours = codec.encode(value).slice();
      const theirs = encoder.encode(value);
      assertStrictEquals(hexOf(ours), hexOf(theirs));
      assertSame(decoder.decode(ours), value);
      assertSame(codec.decode(theirs), value);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("extensions are well-formed to @msgpack/msgpack, which writes the same bytes again", () => {
  const codec = newCodec();
  fc.assert(
    fc.property(anyValue, (value) => {
      const ours = codec.encode(value).slice();
      const again = encoder.encode(decoder.decode(ours));
      assertStrictEquals(hexOf(again), hexOf(ours));
      assertSame(codec.decode(again), value);
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("texts of every length around a change of form come back, of one to four bytes a sign", () => {
  const codec = newCodec();
  const lengths = [0, 1, 10, 11, 15, 16, 17, 31, 32, 33, 39, 40, 41, 85, 86, 128, 255, 256, 257];
  for (const length of [...lengths, 4_095, 4_096, 4_097, 21_845, 65_535, 65_536, 100_000]) {
    for (const sign of ["a", "é", "€", "😀"]) {
      for (
        const value of [sign.repeat(length), "a".repeat(length) + sign, sign + "a".repeat(length)]
      ) {
        const ours = codec.encode([value, { [value]: 1 }]).slice();
        assertStrictEquals(
          Deno.inspect(hash(ours)),
          Deno.inspect(hash(encoder.encode([value, { [value]: 1 }]))),
        );
        const back = roundTrip(codec, value);
        assertStrictEquals(back === value, true, `${length} ${sign}`);
      }
    }
  }
});

/** Enough to tell two encodings apart without printing them. */
function hash(bytes: Uint8Array): [number, number] {
  let sum = 0;
  for (const byte of bytes) sum = (Math.imul(sum, 31) + byte) | 0;
  return [bytes.length, sum];
}
