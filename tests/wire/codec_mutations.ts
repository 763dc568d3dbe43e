/** Hostile bytes for the codec's decoder, from a seed; for a test of seconds and a soak of minutes. */
import fc from "fast-check";
import { assert, assertStrictEquals } from "@std/assert";
import { randomInt } from "../../lib/runtime/random.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import type { Codec } from "../../lib/wire/codec.ts";
import { anyValue, assertSame, decodeInSteps, newCodec, wireErrorOf } from "./values.ts";

/** Bytes that announce something; a lie is likely then. */
const heads = [0x8f, 0x9f, 0xbf, 0xc1, 0xc4, 0xc7, 0xc8, 0xc9, 0xcf, 0xd3, 0xd8, 0xd9, 0xda, 0xdb];
const wideHeads = [0xc9, 0xdb, 0xdd, 0xdf];
/** Objects whose keys would reach a prototype, if a decoder let them. */
const pollution: readonly unknown[] = [
  { constructor: { prototype: { polluted: true } } },
  { prototype: { polluted: true }, toString: 1, hasOwnProperty: null },
  { __defineGetter__: [], valueOf: { polluted: true } },
];

/** What came of it. */
export interface FuzzReport {
  readonly decoded: number;
  readonly refused: number;
  /** Most memory above that at the start, bytes: V8's heap and what lies outside it. */
  readonly peak: number;
}

/** Makes mutants of many kinds of messages. */
export class CodecMutants {
  readonly #random: SeededRandom;
  readonly #originals: readonly Uint8Array[];

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    const codec = newCodec();
    const values = [...fc.sample(anyValue, { numRuns: 300, seed }), ...pollution];
    this.#originals = values.map((value) => codec.encode(value).slice());
  }

  /** Any bytes, mostly near to a message. */
  next(): Uint8Array {
    const random = this.#random;
    const original = this.#pick(this.#originals);
    switch (randomInt(random, 10)) {
      case 0:
        return original.slice(0, randomInt(random, original.length));
      case 1:
        return this.#splice(original, this.#pick(this.#originals));
      case 2:
        return this.#lie(original);
      case 3:
        return this.#nest(original);
      case 4:
        return this.#pollute(original);
      case 5:
        return random.bytes(randomInt(random, 64));
      default:
        return this.#flip(original);
    }
  }

  #flip(original: Uint8Array): Uint8Array {
    const random = this.#random;
    const changed = original.slice();
    for (let i = randomInt(random, 4); i >= 0; i--) {
      changed[randomInt(random, changed.length)] = randomInt(random, 2) === 0
        ? this.#pick(heads)
        : randomInt(random, 256);
    }
    return changed;
  }

  #splice(one: Uint8Array, other: Uint8Array): Uint8Array {
    const at = randomInt(this.#random, one.length + 1);
    const from = randomInt(this.#random, other.length + 1);
    return joined(one.subarray(0, at), other.subarray(from), one.subarray(at));
  }

  /** Announces up to 4 GiB of something in the middle. */
  #lie(original: Uint8Array): Uint8Array {
    const random = this.#random;
    const at = randomInt(random, original.length + 1);
    const size = random.bytes(4);
    size[0]! >>>= randomInt(random, 9);
    const head = Uint8Array.of(this.#pick(wideHeads), ...size);
    return joined(original.subarray(0, at), head, original.subarray(at));
  }

  /** Up to 300 containers round a message: arrays, objects, Maps, Sets. */
  #nest(original: Uint8Array): Uint8Array {
    const shells = [[0x91], [0x81, 0xa1, 0x61], [0x92, 0xc7, 0, 9], [0x93, 0xc7, 0, 8, 1]];
    const bytes: number[] = [];
    for (let i = randomInt(this.#random, 300); i >= 0; i--) bytes.push(...this.#pick(shells));
    return joined(Uint8Array.from(bytes), original);
  }

  /** An object with one key that a decoder must not take for what it means elsewhere. */
  #pollute(original: Uint8Array): Uint8Array {
    const name = this.#pick(["__proto__", "constructor", "prototype", "__defineSetter__"]);
    const key = new TextEncoder().encode(name);
    return joined(Uint8Array.of(0x81, 0xa0 | key.length), key, original);
  }

  #pick<T>(items: readonly T[]): T {
    return items[randomInt(this.#random, items.length)]!;
  }
}

/**
 * Decodes so many mutants. Each must come to a value or a `WireError`, no prototype may change,
 * and memory must stay below `ceiling` bytes above the start.
 */
export function fuzzCodec(seed: number, mutants: number, ceiling: number): FuzzReport {
  const source = new CodecMutants(seed);
  const codec = newCodec();
  const names = Object.getOwnPropertyNames(Object.prototype).length;
  const before = Deno.memoryUsage();
  let refused = 0;
  let peak = 0;
  for (let i = 0; i < mutants; i++) {
    const input = source.next();
    let value: unknown;
    const code = wireErrorOf(() => value = codec.decode(input));
    if (i % 8 === 0) assertSameInSteps(codec, input, code, value);
    if (code !== undefined) refused++;
    else if (typeof value === "object" && value !== null) checkPrototype(value);
    if (i % 256 !== 0) continue;
    const now = Deno.memoryUsage();
    peak = Math.max(peak, now.heapTotal + now.external - before.heapTotal - before.external);
    assert(peak < ceiling, `${peak} bytes above the start after ${i} mutants of seed ${seed}`);
  }
  assertStrictEquals(({} as { polluted?: boolean }).polluted, undefined);
  assertStrictEquals(Object.getOwnPropertyNames(Object.prototype).length, names);
  return { decoded: mutants - refused, refused, peak };
}

/** Reading in steps answers the same value, or refuses for the same reason. */
function assertSameInSteps(
  codec: Codec,
  input: Uint8Array,
  code: string | undefined,
  value: unknown,
): void {
  let inSteps: unknown;
  assertStrictEquals(wireErrorOf(() => inSteps = decodeInSteps(codec, input)), code);
  if (code === undefined) assertSame(inSteps, value);
}

/** Every decoded object has the prototype of its kind, and none that was sent. */
function checkPrototype(value: object): void {
  const prototype = Object.getPrototypeOf(value);
  assert(
    prototype === Object.prototype || typeof prototype?.constructor === "function",
    "an object has a prototype that was sent",
  );
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
