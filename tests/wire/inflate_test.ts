import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import { inflaterOf } from "../../lib/wire/compression.ts";
import { Inflater } from "../../lib/wire/inflate.ts";
import { BitWriter, emptyBlocks } from "./deflated.ts";
import { bytesOf, wireErrorOf } from "./values.ts";

function inflate(bytes: Uint8Array, size: number, most = Infinity): Uint8Array {
  const inflater = new Inflater(bytes, 0, bytes.length, size);
  while (!inflater.done) inflater.step(most);
  return inflater.output;
}

const random = new SeededRandom(14);
const length = 120_000;
const contents: Record<string, Uint8Array> = {
  nothing: new Uint8Array(0),
  "one byte": Uint8Array.of(9),
  zeros: new Uint8Array(length),
  noise: random.bytes(length),
  "few symbols": random.bytes(length).map((byte) => byte % 30),
  "rare symbols": random.bytes(length).map((byte, i) => i % 997 === 0 ? byte : byte & 1),
  // Symbols of which each is half as frequent as the one before have codes of up to 15 bits.
  "long codes": random.bytes(length).map((byte, i) => Math.clz32(i * 2_654_435_761 | 1) & byte),
  texts: new TextEncoder().encode(
    Array.from({ length: 5_000 }, (_, i) => `order ${i * 7_919 % 1_009}: ${i}`).join("\n"),
  ),
  "far repetitions": (() => {
    const bytes = random.bytes(100_000);
    for (let at = 40_000; at < 100_000; at += 32_768) {
      bytes.copyWithin(at, at - 32_768, at - 32_000);
    }
    return bytes;
  })(),
};

for (const [what, bytes] of Object.entries(contents)) {
  Deno.test(`inflate: ${what}, deflated in all ways, comes back in steps of any size`, () => {
    const { Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED } = constants;
    for (const strategy of [Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED]) {
      for (const level of [0, 1, 9]) {
        const deflated = deflateRawSync(bytes, { level, strategy });
        for (const most of [Infinity, 10_007]) {
          assertEquals(inflate(deflated, bytes.length, most), bytes, `${strategy} ${level}`);
        }
        const kept = new Inflater(deflated, 0, deflated.length, bytes.length);
        while (!kept.done) {
          kept.step(5_000);
          kept.keepBytes();
        }
        assertEquals(kept.output, bytes);
      }
    }
  });
}

Deno.test("inflate: changed bytes are read as the engine reads them, or are malformed", () => {
  const { Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY, Z_FIXED } = constants;
  const originals = ["texts", "few symbols", "long codes"].flatMap((what) =>
    [Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY, Z_FIXED].map((strategy) => {
      return deflateRawSync(contents[what]!.subarray(0, 300), { level: 6, strategy });
    })
  );
  const outcomes = { same: 0, refused: 0, strict: 0 };
  for (let round = 0; round < 6_000; round++) {
    const bytes = Uint8Array.from(originals[round % originals.length]!);
    for (let changes = 1 + round % 2; changes > 0; changes--) {
      bytes[Math.floor(random.next() * bytes.length * (round % 2 ? 1 : 0.3))]! ^= 1 <<
        Math.floor(random.next() * 8);
    }
    let expected: Uint8Array | undefined;
    try {
      expected = inflateRawSync(bytes, { maxOutputLength: 1_000_000 });
    } catch {
      expected = undefined;
    }
    if (expected === undefined) {
      for (const size of [0, 300]) {
        assertStrictEquals(wireErrorOf(() => inflate(bytes, size)), "malformed", `${round}`);
      }
      outcomes.refused++;
      continue;
    }
    try {
      assertEquals(inflate(bytes, expected.length), new Uint8Array(expected), `${round}`);
      outcomes.same++;
    } catch (error) {
      // The engine ignores what follows the last block.
      assert(String(error).includes("follow the last block"), `${round}: ${error}`);
      outcomes.strict++;
    }
  }
  assert(outcomes.same > 500 && outcomes.refused > 500, JSON.stringify(outcomes));
});

const wrong: Record<string, [string, number]> = {
  "a block of no known kind": ["07", 0],
  "no bytes": ["", 0],
  "a stored block with a wrong length": ["01 01 00 fe fe 61", 1],
  "a stored block that is cut short": ["01 02 00 fd ff 61", 2],
  "a stored block that is longer than declared": ["01 02 00 fd ff 61 62", 1],
  "a last block that ends too early": ["01 01 00 fe ff 61", 2],
  "bytes behind the last block": ["01 01 00 fe ff 61 62", 1],
  "a match before the first byte": ["03 02 00", 3],
};

for (const [what, [hex, size]] of Object.entries(wrong)) {
  Deno.test(`inflate: ${what} is malformed`, () => {
    assertStrictEquals(wireErrorOf(() => inflate(bytesOf(hex), size)), "malformed");
  });
}

Deno.test("inflate: a step does the work that it is asked for, and hardly more, whatever the input", () => {
  const zeros = deflateRawSync(new Uint8Array(1_000_000));
  const inputs: [Uint8Array, number][] = [[zeros, 1_000_000], [emptyBlocks(300_000), 0]];
  for (const [bytes, size] of inputs) {
    const inflater = new Inflater(bytes, 0, bytes.length, size);
    let steps = 0;
    for (; !inflater.done; steps++) {
      const work = inflater.step(10_000);
      assert(work <= 10_000 + 1_024, `${work}`);
    }
    assert(steps > 50, `${steps} steps`);
  }
});

Deno.test("inflate: blocks that hold nothing cost as much as their tables take", () => {
  const bytes = emptyBlocks(120_000);
  const inflater = new Inflater(bytes, 0, bytes.length, 0);
  inflater.step(Infinity);
  assert(inflater.work > 10_000 * 500, `${inflater.work}`);
});

Deno.test("compressed messages that are longer than what they hold are refused unread", () => {
  const limits = { maxMessage: 16_777_216, maxCompressionRatio: 100 };
  const deflated = emptyBlocks(200_000);
  const bytes = new Uint8Array(4 + deflated.length);
  bytes.set(deflated, 4);
  new DataView(bytes.buffer).setUint32(0, 100_000);
  assertStrictEquals(wireErrorOf(() => inflaterOf(bytes, 0, bytes.length, limits)), "malformed");
  new DataView(bytes.buffer).setUint32(0, 200_000);
  const inflater = inflaterOf(bytes, 0, bytes.length, limits);
  assertStrictEquals(wireErrorOf(() => inflater.step(Infinity)), "malformed");
  // A code of 17 bits does not exist, so a block cannot be endless either.
  const endless = new BitWriter();
  endless.put(4, 3);
  assertStrictEquals(wireErrorOf(() => inflate(endless.finish(), 0)), "malformed");
});
