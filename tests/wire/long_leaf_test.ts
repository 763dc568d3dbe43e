import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { noSerializers } from "../../lib/wire/serializer_registry.ts";
import { textPiece } from "../../lib/wire/long_leaf.ts";
import { bytesOf, decodeInSteps, newCodec, wireErrorOf } from "./values.ts";

const codec = newCodec();

/** Decodes in steps of one question each; how many they were. */
function steps(bytes: Uint8Array): { value: unknown; steps: number; work: number } {
  const decoder = codec.decodeInSteps(bytes, 0, bytes.length, noSerializers);
  for (let steps = 1;; steps++) {
    const whole = decoder.step(() => true);
    if (whole !== undefined) return { value: whole[0], steps, work: decoder.work };
  }
}

const characters = ["x", "ż", "猫", "😺", "\ufeff", "\ufffd", "\ud800", "\udc00x"];

Deno.test("long texts of all kinds are decoded in pieces, and are what they were", () => {
  for (const character of characters) {
    for (const shift of [0, 1, 2, 3, 4, 5]) {
      const text = "a".repeat(shift) + character.repeat(150_000) + "ż";
      const bytes = codec.encode([text, shift]).slice();
      const read = steps(bytes);
      assert((read.value as [string])[0] === text, `${character} ${shift}`);
      assertStrictEquals((read.value as [string, number])[1], shift);
      const pieces = Math.floor(bytes.length / textPiece);
      assert(read.steps > pieces && read.steps < pieces + 4, `${read.steps} steps`);
      assert(codec.decode(bytes) instanceof Array);
      // Also where the memory is overwritten between two steps.
      assert((decodeInSteps(codec, bytes) as [string])[0] === text);
    }
  }
});

Deno.test("a long text costs as much as many values", () => {
  const text = codec.encode("x".repeat(1_048_576)).slice();
  assertStrictEquals(steps(text).work, 1 + 4_096);
  const bigint = codec.encode(1n << BigInt(8 * 1_048_576)).slice();
  const { work } = steps(bigint);
  assert(work > 130_000 && work < 132_000, `${work}`);
});

Deno.test("long bigints are decoded in pieces, and are what they were", () => {
  const piece = 32_768 * 8;
  for (const bits of [4 * piece + 9, 5 * piece, 7 * piece - 3, 8 * piece, 21 * piece + 1]) {
    for (
      const value of [1n << BigInt(bits), (1n << BigInt(bits)) - 1n, -(3n << BigInt(bits - 2))]
    ) {
      const bytes = codec.encode([value, 1]).slice();
      const read = steps(bytes);
      assert((read.value as [bigint])[0] === value, `${bits}`);
      assert((decodeInSteps(codec, bytes) as [bigint])[0] === value, `${bits}`);
      assert((codec.decode(bytes) as [bigint])[0] === value, `${bits}`);
      assert(read.steps > bits / piece, `${read.steps}`);
    }
  }
});

Deno.test("what is wrong in a long text or bigint is malformed, in pieces as in one", () => {
  const text = codec.encode("ż".repeat(200_000)).slice();
  const wide = codec.encode("\ud800".repeat(200_000)).slice();
  const bigint = codec.encode(1n << 4_000_000n).slice();
  const wrong: Record<string, Uint8Array> = {
    "a byte that is no UTF-8": text.with(300_000, 0xff),
    "an odd piece": text.with(5 + textPiece, 0x41),
    "continuations without end": text.map((byte, i) => i > 200_000 ? 0x80 : byte),
    "text that is cut short": text.subarray(0, 300_000),
    "wide text that is cut short": wide.subarray(0, 300_000),
    "bigint that is cut short": bigint.subarray(0, 300_000),
    "a bad sign": bigint.with(6, 2),
    "bytes behind": Uint8Array.from([...text, 0]),
    "an odd number of bytes": Uint8Array.from([0xc9, 0, 3, 0, 1, 2, ...new Uint8Array(196_609)]),
  };
  assertEquals(bytesOf("c9 00 03 00 01 02").length, 6);
  for (const [what, bytes] of Object.entries(wrong)) {
    assertStrictEquals(wireErrorOf(() => codec.decode(bytes)), "malformed", what);
    assertStrictEquals(wireErrorOf(() => steps(bytes)), "malformed", what);
  }
});

Deno.test("values count when they are read, not when they are announced", () => {
  const bytes = codec.encode([new Array(100_000).fill(0), new Map([[1, 2]])]).slice();
  const decoder = codec.decodeInSteps(bytes, 0, bytes.length, noSerializers);
  assertStrictEquals(decoder.step(() => true), undefined);
  assert(decoder.work > 50 && decoder.work <= 66, `${decoder.work}`);
  while (decoder.step(() => true) === undefined);
  codec.decode(bytes);
  assertEquals([decoder.work, decoder.values], [codec.values, codec.values]);
  assertStrictEquals(codec.values, 100_000 + 6);
});
