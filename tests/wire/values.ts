import { systemClock } from "../../lib/runtime/system_clock.ts";
import fc from "fast-check";
import { isDeepStrictEqual } from "node:util";
import { fail } from "@std/assert";
import { Ref, type RefAddress } from "../../lib/actor/ref/ref.ts";
import { Codec } from "../../lib/wire/codec.ts";
import { WireError } from "../../lib/wire/errors.ts";
import { noSerializers } from "../../lib/wire/serializer_registry.ts";
import type { WireLimits } from "../../lib/wire/limits.ts";

/** A reference that goes nowhere. */
export class TestRef extends Ref<unknown> {
  readonly node: string;
  readonly path: string;
  readonly uid: number;

  constructor(address: RefAddress) {
    super();
    this.node = address.node;
    this.path = address.path;
    this.uid = address.uid;
  }

  override tell(): void {}
}

export function newCodec(limits: Partial<WireLimits> = {}): Codec {
  return new Codec({ now: systemClock.now, resolve: (address) => new TestRef(address), limits });
}

/** Equal in every respect that the codec keeps: -0, NaN, undefined, prototypes, order in Maps. */
export function assertSame(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) {
    fail(`expected ${Deno.inspect(expected)}, got ${Deno.inspect(actual)}`);
  }
}

export function roundTrip(codec: Codec, value: unknown): unknown {
  return codec.decode(codec.encode(value).slice());
}

/** Decodes with the smallest steps there are, in memory that is overwritten in between. */
export function decodeInSteps(codec: Codec, message: Uint8Array): unknown {
  const bytes = message.slice();
  const decoder = codec.decodeInSteps(bytes, 0, bytes.length, noSerializers);
  let whole = decoder.step(() => true);
  decoder.keepBytes();
  bytes.fill(0xc1);
  while (whole === undefined) whole = decoder.step(() => true);
  return whole[0];
}

/** Runs `attempt`; returns the error's code, or undefined. Anything but a WireError fails. */
export function wireErrorOf(attempt: () => unknown): string | undefined {
  try {
    attempt();
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
  return undefined;
}

export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.replaceAll(" ", "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

const anyUnits = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 })
  .map((units) => String.fromCharCode(...units));

const marked = fc.nat({ max: 3 }).chain((marks) =>
  fc.string({ unit: "binary", maxLength: 300 }).map((rest) => "\ufeff".repeat(marks) + rest)
);

const text = fc.oneof(
  marked,
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: "binary-ascii", minLength: 100, maxLength: 300 }),
  anyUnits,
);

const key = fc.oneof(fc.string({ unit: "binary", maxLength: 20 }), marked)
  .filter((name) => name !== "__proto__");

const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(
    -0,
    2 ** 32,
    -(2 ** 31) - 1,
    2 ** 53,
    -(2 ** 53),
    127,
    128,
    255,
    256,
    65_536,
    -33,
  ),
);

const binary = fc.oneof(
  fc.uint8Array(),
  fc.int16Array(),
  fc.uint32Array(),
  fc.float32Array(),
  fc.float64Array(),
  fc.bigInt64Array(),
  fc.uint8Array().map((bytes) => bytes.slice().buffer),
  fc.uint8Array().map((bytes) => new DataView(bytes.slice().buffer)),
  // A view into the middle of a buffer.
  fc.uint8Array({ minLength: 9, maxLength: 40 }).map((bytes) => bytes.subarray(3, 7)),
);

const ref = fc.record({
  node: fc.oneof(fc.domain().map((host) => `${host}:25520`), fc.constant("")),
  path: fc.string({ unit: "grapheme", maxLength: 150 }).map((path) => `/${path}`),
  uid: fc.maxSafeNat(),
}).map((address) => new TestRef(address));

function withCode(error: Error, code: string | number | undefined): Error {
  return code === undefined ? error : Object.assign(error, { code });
}

/** Every kind of value that the codec carries, nested at will. */
export const anyValue: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 5, withCrossShrink: true }, tie("leaf"), tie("node")),
  leaf: fc.oneof(
    fc.constantFrom(null, undefined, true, false),
    number,
    text,
    fc.bigInt(),
    fc.date({ noInvalidDate: false }),
    binary,
    ref,
  ),
  node: fc.oneof(
    fc.array(tie("value"), { maxLength: 20 }),
    fc.dictionary(key, tie("value"), { maxKeys: 20, noNullPrototype: true }),
    fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 6 }).map((pairs) => new Map(pairs)),
    fc.array(tie("value"), { maxLength: 6 }).map((items) => new Set(items)),
    tie("error"),
  ),
  error: fc.tuple(
    text,
    fc.oneof(fc.constant(undefined), text, fc.integer()),
    fc.oneof(fc.constant(undefined), fc.integer(), text),
  ).map(([message, code, cause]) =>
    withCode(cause === undefined ? new Error(message) : new Error(message, { cause }), code)
  ),
})).value;
