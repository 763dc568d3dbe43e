import fc from "fast-check";
import { assert, assertStrictEquals } from "@std/assert";
import { randomInt } from "../../lib/runtime/random.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import { decodeEnvelope, encodeEnvelope } from "../../lib/wire/envelope.ts";
import { anyValue, newCodec, wireErrorOf } from "./values.ts";

const samples = fc.sample(anyValue, { numRuns: 300, seed: 20_260_801 });

/** Changes 1 to 4 bytes, often to one that announces a length, or cuts, grows or splices. */
function mutate(random: SeededRandom, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  const heads = [0xc7, 0xc8, 0xc9, 0xcf, 0xd9, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0x9f, 0x8f, 0xff, 0];
  switch (randomInt(random, 6)) {
    case 0:
      return bytes.slice(0, randomInt(random, bytes.length));
    case 1: {
      const at = randomInt(random, bytes.length + 1);
      return Uint8Array.from([...bytes.subarray(0, at), ...other.subarray(at >> 1, at)]);
    }
    default: {
      const changed = bytes.slice();
      for (let i = randomInt(random, 4); i >= 0; i--) {
        changed[randomInt(random, changed.length)] = randomInt(random, 2) === 0
          ? heads[randomInt(random, heads.length)]!
          : randomInt(random, 256);
      }
      return changed;
    }
  }
}

Deno.test("60,000 mutated messages decode or end in a WireError, within bounded memory", () => {
  const codec = newCodec();
  const random = new SeededRandom(1);
  const encoded = samples.map((value) => codec.encode(value).slice());
  const before = Deno.memoryUsage();
  let refused = 0;
  let peak = 0;
  for (let round = 0; round < 200; round++) {
    for (let i = 0; i < encoded.length; i++) {
      const input = mutate(random, encoded[i]!, encoded[(i + round + 1) % encoded.length]!);
      if (wireErrorOf(() => codec.decode(input)) !== undefined) refused++;
    }
    const now = Deno.memoryUsage();
    peak = Math.max(peak, now.heapTotal + now.external - before.heapTotal - before.external);
  }
  assert(refused > 20_000, `${refused} refused`);
  assert(peak < 128 * 2 ** 20, `${peak} bytes`);
});

Deno.test("whatever mutated bytes decode to can be encoded again", () => {
  const codec = newCodec();
  const random = new SeededRandom(2);
  const encoded = samples.map((value) => codec.encode(value).slice());
  let decoded = 0;
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < encoded.length; i++) {
      const input = mutate(random, encoded[i]!, encoded[(i * 7 + round) % encoded.length]!);
      let value: unknown;
      if (wireErrorOf(() => value = codec.decode(input)) !== undefined) continue;
      decoded++;
      // A peer may send keys that we would not; those are refused, in the ordinary way.
      const code = wireErrorOf(() => codec.encode(value));
      assert(code === undefined || code === "notSerializable", code);
    }
  }
  assert(decoded > 100);
});

Deno.test("every proper prefix of a message is malformed", () => {
  const codec = newCodec();
  for (const value of samples.slice(0, 100)) {
    const bytes = codec.encode(value).slice();
    for (let end = 0; end < bytes.length; end += bytes.length > 500 ? 37 : 1) {
      assertStrictEquals(wireErrorOf(() => codec.decode(bytes, 0, end)), "malformed");
    }
  }
});

Deno.test("random bytes and mutated envelopes end in a value or a WireError", () => {
  const codec = newCodec();
  const random = new SeededRandom(3);
  const envelope = encodeEnvelope(codec, "/user/żółw", 77, samples).slice(0, 4_000);
  for (let i = 0; i < 20_000; i++) {
    const noise = random.bytes(randomInt(random, 40));
    wireErrorOf(() => codec.decode(noise));
    wireErrorOf(() => decodeEnvelope(codec, noise, 0, noise.length));
  }
  let refused = 0;
  for (let i = 0; i < 2_000; i++) {
    const input = mutate(random, envelope, envelope);
    if (wireErrorOf(() => decodeEnvelope(codec, input, 0, input.length)) !== undefined) refused++;
  }
  assert(refused > 1_000);
});
