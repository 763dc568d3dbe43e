import { deflateRawSync } from "node:zlib";
import { assert, assertStrictEquals, assertThrows } from "@std/assert";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import { compress, inflaterOf, restored } from "../../lib/wire/compression.ts";
import { WireError } from "../../lib/wire/errors.ts";
import { bytesOf, hexOf, wireErrorOf } from "./values.ts";

const limits = { maxMessage: 1_000_000, maxCompressionRatio: 100 };

function decompress(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const inflater = inflaterOf(bytes, start, end, limits);
  while (!inflater.done) inflater.step(1_000);
  return inflater.output;
}

function open(bytes: Uint8Array): Uint8Array {
  return decompress(bytes, 0, bytes.length);
}

function announce(size: number, deflated: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + deflated.length);
  new DataView(bytes.buffer).setUint32(0, size);
  bytes.set(deflated, 4);
  return bytes;
}

const text = new TextEncoder().encode(
  Array.from({ length: 500 }, (_, i) => `order ${i * 7_919 % 1_009}: paid`).join(),
);

Deno.test("the layout of a compressed message is its size and what is deflated", () => {
  const payload = new Uint8Array(40).map((_, i) => i & 3);
  const bytes = compress(payload, 100)!;
  assertStrictEquals(hexOf(bytes.subarray(0, 4)), "00 00 00 28");
  assertStrictEquals(hexOf(open(bytes)), hexOf(payload));
  assertStrictEquals(hexOf(open(bytesOf("00 00 00 03 4b 4c 4a 06 00"))), "61 62 63");
});

Deno.test("a message comes back, from the middle of a chunk too", () => {
  const bytes = compress(text, 100)!;
  assert(bytes.length < text.length / 2);
  assertStrictEquals(hexOf(restored(bytes)), hexOf(text));
  const chunk = new Uint8Array(bytes.length + 20);
  chunk.set(bytes, 10);
  const back = decompress(chunk, 10, 10 + bytes.length);
  assertStrictEquals(hexOf(back), hexOf(text));
});

Deno.test("what is not worth it, or would look like a bomb, is not compressed", () => {
  assertStrictEquals(compress(new SeededRandom(1).bytes(5_000), 100), undefined);
  assertStrictEquals(compress(new Uint8Array(1_000_000), 100), undefined);
});

Deno.test("a bomb is refused before, or while, it is inflated", () => {
  const zeros = deflateRawSync(new Uint8Array(50_000_000));
  const before = Deno.memoryUsage();
  // It says what it is.
  assertThrows(() => open(announce(50_000_000, zeros)), WireError, "maxMessage 1000000");
  assertThrows(() => open(announce(900_000, zeros.subarray(0, 2_000))), WireError, "Ratio 100");
  // It lies.
  for (const size of [0, 1, 100, 900_000]) {
    assertStrictEquals(wireErrorOf(() => open(announce(size, zeros))), "malformed", `${size}`);
  }
  const after = Deno.memoryUsage();
  const grown = after.heapTotal + after.external - before.heapTotal - before.external;
  assert(grown < 16 * 2 ** 20, `${grown} bytes`);
});

Deno.test("bytes that are not deflated, cut or of another size are malformed", () => {
  const good = compress(text, 100)!;
  assertStrictEquals(wireErrorOf(() => open(good.subarray(0, good.length - 3))), "malformed");
  assertStrictEquals(wireErrorOf(() => open(good.subarray(0, 4))), "malformed");
  assertStrictEquals(wireErrorOf(() => open(new Uint8Array(0))), "malformed");
  assertStrictEquals(wireErrorOf(() => open(announce(3, bytesOf("ff ff ff ff")))), "malformed");
  for (const size of [text.length - 1, text.length + 1]) {
    assertStrictEquals(wireErrorOf(() => open(announce(size, good.subarray(4)))), "malformed");
  }
});
