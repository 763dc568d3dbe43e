import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { systemClock } from "../../lib/runtime/system_clock.ts";
import { Codec } from "../../lib/wire/codec.ts";
import { FrameReader } from "../../lib/wire/frame_reader.ts";
import { copyOf, unfilled } from "../../lib/wire/memory.ts";
import { noSerializers } from "../../lib/wire/serializer_registry.ts";
import { assertSame, newCodec, roundTrip, TestRef } from "./values.ts";

const viewing = new Codec({
  now: systemClock.now,
  resolve: (address) => new TestRef(address),
  binaries: "view",
});

/** Decodes bytes that nothing uses again. */
const decodeShared = (codec: Codec, bytes: Uint8Array) =>
  codec.decode(bytes, 0, bytes.length, noSerializers, true);

function filled(size: number): ArrayBuffer {
  return Uint8Array.from({ length: size }, (_, i) => i * 7).buffer;
}

const size = 8_192;
interface Kind {
  new (buffer: ArrayBuffer): ArrayBufferView;
  readonly name: string;
  readonly prototype: object;
  readonly BYTES_PER_ELEMENT?: number;
}

const kinds: readonly Kind[] = [
  Uint8Array,
  Int8Array,
  Uint8ClampedArray,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigUint64Array,
  BigInt64Array,
  DataView,
  Float16Array,
];

Deno.test("a view shows the message where alignment permits, and equals a copy everywhere", () => {
  for (const Kind of kinds) {
    let views = 0;
    for (let shift = 0; shift < 8; shift++) {
      const value = { pad: "x".repeat(shift), data: new Kind(filled(size)) };
      const bytes = viewing.encode(value).slice();
      const { data } = decodeShared(viewing, bytes) as { data: ArrayBufferView };
      assertStrictEquals(Object.getPrototypeOf(data), Kind.prototype);
      assertSame(
        new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
        new Uint8Array(filled(size)),
      );
      if (data.buffer === bytes.buffer) views++;
      else assertStrictEquals(data.buffer.byteLength, size);
    }
    assertStrictEquals(views, 8 / (Kind.BYTES_PER_ELEMENT ?? 1), Kind.name);
  }
});

Deno.test("short binaries, ArrayBuffers, and bytes that are used again are copied", () => {
  const short = viewing.encode(new Uint8Array(4_095)).slice();
  assert((decodeShared(viewing, short) as Uint8Array).buffer !== short.buffer);
  const buffer = viewing.encode(filled(size)).slice();
  assertSame(decodeShared(viewing, buffer), filled(size));
  const used = viewing.encode(new Uint8Array(filled(size))).slice();
  const decoded = viewing.decode(used) as Uint8Array;
  const decoder = viewing.decodeInSteps(used, 0, used.length, noSerializers);
  const [inSteps] = decoder.step(() => true)! as [Uint8Array];
  used.fill(0);
  assertSame(decoded, new Uint8Array(filled(size)));
  assertSame(inSteps, new Uint8Array(filled(size)));
});

Deno.test("with copies, nothing shows bytes of the message, also where nothing uses them again", () => {
  const codec = newCodec();
  for (const value of [new Uint8Array(filled(size)), new Float64Array(filled(size))]) {
    const bytes = codec.encode([value]).slice();
    const [back] = decodeShared(codec, bytes) as [ArrayBufferView];
    assertEquals([back.byteOffset, back.buffer.byteLength], [0, size]);
    assert(back.buffer !== bytes.buffer);
  }
});

Deno.test("a message that is read in steps is copied once, and then shown", () => {
  const bytes = viewing.encode([1, new Uint8Array(filled(size)), 2]).slice();
  const decoder = viewing.decodeInSteps(bytes, 0, bytes.length, noSerializers);
  let whole: [unknown] | undefined;
  // Numbers before the binary, so that the first step ends before it.
  const many = viewing.encode([...new Array(100).fill(0), new Uint8Array(filled(size))]).slice();
  const steps = viewing.decodeInSteps(many, 0, many.length, noSerializers);
  assertStrictEquals(steps.step(() => true), undefined);
  steps.keepBytes();
  many.fill(0xc1);
  while (whole === undefined) whole = steps.step(() => true);
  const shown = (whole[0] as unknown[])[100] as Uint8Array;
  assertSame(shown, new Uint8Array(filled(size)));
  assert(shown.buffer.byteLength > size);
  assertSame(decoder.step(() => false), [[1, new Uint8Array(filled(size)), 2]]);
});

/** A frame of the type 4. */
function frame(payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(5 + payload.length);
  new DataView(bytes.buffer).setUint32(0, payload.length + 1);
  bytes[4] = 4;
  bytes.set(payload, 5);
  return bytes;
}

Deno.test("a frame reader keeps no bytes that it has given away, and gives no chunk away", () => {
  const given: { bytes: Uint8Array; start: number; end: number; first: number }[] = [];
  let copied = 0;
  const reader = new FrameReader(2 ** 20, (_type, bytes, start, end, kept) => {
    if (kept) given.push({ bytes, start, end, first: bytes[start]! });
    else copied++;
  });
  // One buffer for all chunks, as a socket may use it.
  const chunk = new Uint8Array(30_000);
  const sizes = [10, 70_000, 65_531, 65_532, 100, 400_000, 66_000];
  const stream = Buffer.concat(sizes.map((length, i) => frame(new Uint8Array(length).fill(i + 1))));
  for (let at = 0; at < stream.length; at += chunk.length) {
    const part = stream.subarray(at, at + chunk.length);
    chunk.set(part);
    reader.push(chunk.subarray(0, part.length));
    chunk.fill(0xff);
  }
  assertEquals(given.map(({ first }) => first), [2, 4, 6, 7]);
  assertStrictEquals(copied, 3);
  for (const { bytes, start, end, first } of given) {
    assert(bytes.subarray(start, end).every((byte) => byte === first));
    assertStrictEquals(bytes.buffer.byteLength, end);
  }
});

Deno.test("a Buffer travels as the Uint8Array that it is", () => {
  const codec = newCodec();
  const buffer = Buffer.from("zażółć");
  const back = roundTrip(codec, { a: buffer, b: buffer.subarray(2, 4) }) as Record<string, unknown>;
  assertSame(back["a"], Uint8Array.from(buffer));
  assertSame(back["b"], Uint8Array.from(buffer.subarray(2, 4)));
  assertStrictEquals(Object.getPrototypeOf(back["a"]), Uint8Array.prototype);
});

Deno.test("memory that is not zeroed belongs to nobody else, and a copy of a Buffer is one", () => {
  const one = unfilled(100);
  assert(one instanceof ArrayBuffer && one.byteLength === 100 && unfilled(100) !== one);
  assertStrictEquals(unfilled(0).byteLength, 0);
  const source = Buffer.from("0123456789");
  const copy = copyOf(source, 2, 5);
  source.fill(0);
  assertEquals([...copy], [50, 51, 52]);
  assertStrictEquals(copy.buffer.byteLength, 3);
});
