import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { noSerializers } from "../../lib/wire/serializer_registry.ts";
import { binaryPiece, textPiece } from "../../lib/wire/long_leaf.ts";
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
      // UTF-16 is copied at once.
      const pieces = text.isWellFormed() ? Math.floor(bytes.length / textPiece) : 0;
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

Deno.test("a long text of ASCII is decoded at once, other texts in pieces and one copy", () => {
  const text = "x".repeat(5_000_000);
  const ascii = steps(codec.encode(text).slice());
  assert(ascii.value === text);
  assertStrictEquals(ascii.steps, 2);
  assertStrictEquals(ascii.work, 1 + (5_000_000 >>> 8));
  const other = steps(codec.encode(text + "ż").slice());
  assert(other.value === text + "ż");
  assertStrictEquals(other.steps, Math.ceil(5_000_002 / textPiece) + 2);
});

Deno.test("long binaries of all kinds are copied in pieces, and are what they were", () => {
  const bytes = new Uint8Array(1_000_000).map((_, i) => i * 7 + (i >> 8));
  const { buffer } = bytes;
  const kinds = [
    buffer,
    bytes,
    new DataView(buffer),
    new Float64Array(buffer.slice(0)),
    new BigUint64Array(buffer, 8),
    new Uint16Array(buffer),
  ];
  for (const value of kinds) {
    const encoded = codec.encode([value, 1]).slice();
    const read = steps(encoded);
    const [back, one] = read.value as [ArrayBuffer | ArrayBufferView, number];
    assertStrictEquals(Object.getPrototypeOf(back), Object.getPrototypeOf(value));
    assertStrictEquals(one, 1);
    const memory = back instanceof ArrayBuffer ? back : back.buffer;
    assertStrictEquals(memory.byteLength, value.byteLength, "memory of its own");
    assert(codec.encode([back, 1]).every((byte, i) => byte === encoded[i]));
    // Also where the memory is overwritten between two steps.
    const other = (decodeInSteps(codec, encoded) as unknown[])[0];
    assert(codec.encode([other, 1]).every((byte, i) => byte === encoded[i]));
    const pieces = Math.ceil(value.byteLength / binaryPiece);
    assert(read.steps >= pieces && read.steps <= pieces + 1, `${read.steps} steps`);
    assert(read.work > value.byteLength >>> 8, `${read.work}`);
  }
});

Deno.test("a long typed array with half an element is malformed, in pieces as in one", () => {
  const bytes = codec.encode(new Uint16Array(200_000)).slice();
  const odd = bytes.slice(0, -1);
  new DataView(odd.buffer).setUint32(1, 399_999);
  assertStrictEquals(wireErrorOf(() => codec.decode(odd)), "malformed");
  assertStrictEquals(wireErrorOf(() => steps(odd)), "malformed");
  assertStrictEquals(wireErrorOf(() => steps(bytes.subarray(0, 300_000))), "malformed");
});

Deno.test("one operation on megabytes gets a turn for itself, however short the turn has been", () => {
  const text = "ż".repeat(2_000_000);
  const bigint = -(1n << 48_000_000n);
  for (const [value, least] of [[text, 2], ["x".repeat(2_000_000), 2], [bigint, 4]] as const) {
    const bytes = codec.encode([0, value]).slice();
    const decoder = codec.decodeInSteps(bytes, 0, bytes.length, noSerializers);
    let turns = 1;
    let whole = decoder.step(() => false);
    for (; whole === undefined; turns++) whole = decoder.step(() => false);
    assert((whole[0] as unknown[])[1] === value);
    assert(turns >= least, `${turns} turns`);
  }
});

Deno.test("a decoder that is given back decodes the next message, and keeps nothing of the last", () => {
  const codec = newCodec();
  const first = codec.encode(["first", "x".repeat(5_000)]).slice();
  const second = codec.encode({ second: [1, 2, 3] }).slice();
  const decoder = codec.decodeInSteps(first, 0, first.length, noSerializers);
  assertStrictEquals((decoder.step(() => false)![0] as unknown[])[0], "first");
  assert(decoder.longestPart !== undefined);
  codec.giveBack(decoder);
  assertStrictEquals(decoder.longestPart, undefined);
  const next = codec.decodeInSteps(second, 0, second.length, noSerializers);
  assertStrictEquals(next, decoder);
  // Until it is given back again, others get another.
  const other = codec.decodeInSteps(first, 0, first.length, noSerializers);
  assert(other !== decoder);
  assertEquals(next.step(() => false), [{ second: [1, 2, 3] }]);
  assertStrictEquals((other.step(() => false)![0] as unknown[])[0], "first");
});
