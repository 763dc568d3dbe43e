import { Buffer } from "node:buffer";
import fc from "fast-check";
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  decodeEnvelope,
  decodeEnvelopeHeader,
  encodeEnvelope,
  withoutDeadline,
  withPath,
  writeNumbered,
} from "../../lib/wire/envelope.ts";
import { NumberedPaths, PathNumbers } from "../../lib/wire/interned_paths.ts";
import { WireError } from "../../lib/wire/errors.ts";
import { anyValue, assertSame, bytesOf, hexOf, newCodec, TestRef, wireErrorOf } from "./values.ts";

Deno.test("an envelope's layout is flags, uid, path length, path, message", () => {
  const bytes = encodeEnvelope(newCodec(), "/a", 300, { x: 1 });
  assertStrictEquals(hexOf(bytes), "00 ac 02 00 02 2f 61 81 a1 78 01");
});

Deno.test("any path, uid and message come back, from the middle of a chunk", () => {
  const codec = newCodec();
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme", maxLength: 200 }),
      fc.maxSafeNat(),
      anyValue,
      fc.nat(20),
      (path, uid, message, offset) => {
        const envelope = encodeEnvelope(codec, path, uid, message);
        const chunk = new Uint8Array(offset + envelope.length + 5).fill(0xee);
        chunk.set(envelope, offset);
        const end = offset + envelope.length;
        assertSame(decodeEnvelope(codec, chunk, offset, end), { path, uid, message });
        const header = decodeEnvelopeHeader(chunk, offset, end);
        assertEquals([header.path, header.uid], [path, uid]);
        assertSame(codec.decode(chunk, header.bodyStart, end), message);
      },
    ),
    { numRuns: 2_000 },
  );
});

const trace = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  sampled: true,
};

Deno.test("a trace context stands between the path and the message, and 4 in the flags", () => {
  const bytes = encodeEnvelope(newCodec(), "/a", 300, { x: 1 }, undefined, trace);
  assertStrictEquals(
    hexOf(bytes),
    "04 ac 02 00 02 2f 61 0a f7 65 19 16 cd 43 dd 84 48 eb 21 1c 80 31 9c b7 ad 6b 71 69 20 33 31 " +
      "01 81 a1 78 01",
  );
});

Deno.test("a trace context comes back, and the message with it", () => {
  const codec = newCodec();
  const hex = (length: number) =>
    fc.uint8Array({ minLength: length, maxLength: length })
      .map((bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(""))
      .filter((text) => !/^0+$/.test(text));
  fc.assert(
    fc.property(
      hex(16),
      hex(8),
      fc.boolean(),
      anyValue,
      fc.maxSafeNat(),
      (traceId, spanId, sampled, message, uid) => {
        const context = { traceId, spanId, sampled };
        const bytes = encodeEnvelope(codec, "/some/path", uid, message, undefined, context).slice();
        assertEquals(decodeEnvelopeHeader(bytes, 0, bytes.length).trace, context);
        assertSame(decodeEnvelope(codec, bytes, 0, bytes.length), {
          path: "/some/path",
          uid,
          message,
        });
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("a trace context of zeros is none, one that is cut short is malformed", () => {
  const zeros = { traceId: "0".repeat(32), spanId: "0".repeat(16), sampled: true };
  const bytes = encodeEnvelope(newCodec(), "/a", 0, 1, undefined, zeros).slice();
  assertStrictEquals(decodeEnvelopeHeader(bytes, 0, bytes.length).trace, undefined);
  assertStrictEquals(wireErrorOf(() => decodeEnvelopeHeader(bytes, 0, 20)), "malformed");
});

Deno.test("a deadline stands before the message, behind a trace context, and 8 in the flags", () => {
  const codec = newCodec();
  const alone = encodeEnvelope(codec, "/a", 300, { x: 1 }, undefined, undefined, 299.2);
  assertStrictEquals(hexOf(alone), "08 ac 02 00 02 2f 61 ac 02 81 a1 78 01");
  const both = encodeEnvelope(codec, "/a", 300, { x: 1 }, undefined, trace, 0);
  assertStrictEquals(
    hexOf(both),
    "0c ac 02 00 02 2f 61 0a f7 65 19 16 cd 43 dd 84 48 eb 21 1c 80 31 9c b7 ad 6b 71 69 20 33 31 " +
      "01 00 81 a1 78 01",
  );
});

Deno.test("a deadline comes back whole, with and without a number for the path, or is left out", () => {
  const codec = newCodec();
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 0xffff_ffff, noNaN: true }),
      fc.option(fc.constant(trace), { nil: undefined }),
      fc.boolean(),
      anyValue,
      (left, context, isNew, message) => {
        const remaining = Math.min(0x7fff_ffff, Math.ceil(left));
        const whole = encodeEnvelope(codec, "/p", 7, message, undefined, context, left).slice();
        const decoded = { path: "/p", uid: 7, message };
        assertSame(decodeEnvelope(codec, whole, 0, whole.length), { ...decoded, remaining });

        const numbers = new PathNumbers(1);
        numbers.add("/p");
        const paths = new NumberedPaths(1);
        if (!isNew) paths.add(0, "/p", 2);
        const out = new Uint8Array(whole.length + 10);
        const end = writeNumbered(out, 0, whole, 0, isNew);
        const header = decodeEnvelopeHeader(out, 0, end, undefined, paths);
        assertEquals([header.path, header.remaining], ["/p", remaining]);
        assertEquals(header.trace, context);
        assertSame(codec.decode(out, header.bodyStart, end), message);
        assertEquals(withPath(out.slice(0, end), numbers), whole);

        const shorter = withoutDeadline(whole);
        assertSame(decodeEnvelope(codec, shorter, 0, shorter.length), decoded);
        assertEquals(decodeEnvelopeHeader(shorter, 0, shorter.length).trace, context);
        assertStrictEquals(withoutDeadline(shorter), shorter);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("a deadline that is out of range or cut short is malformed", () => {
  for (const hex of ["08 00 00 01 61 80 80 80 80 08 c0", "08 00 00 01 61", "08 00 00 01 61 80"]) {
    const bytes = bytesOf(hex);
    assertStrictEquals(
      wireErrorOf(() => decodeEnvelopeHeader(bytes, 0, bytes.length)),
      "malformed",
    );
  }
});

Deno.test("what telemetry calls an identifier does not make a message fail", () => {
  const wrong = { traceId: "not hexadecimal", spanId: "", sampled: false };
  const bytes = encodeEnvelope(newCodec(), "/a", 0, 1, undefined, wrong).slice();
  decodeEnvelopeHeader(bytes, 0, bytes.length);
});

Deno.test("paths that share a cache slot are told apart, also in a buffer that is reused", () => {
  const codec = newCodec();
  const chunk = Buffer.alloc(100);
  for (let round = 0; round < 2; round++) {
    for (let i = 10_000; i < 15_000; i++) {
      const bytes = encodeEnvelope(codec, `/user/actor-${i}`, 7, null);
      chunk.set(bytes);
      const { path } = decodeEnvelopeHeader(chunk, 0, bytes.length);
      assertStrictEquals(path, `/user/actor-${i}`);
    }
  }
});

Deno.test("nothing that was read shares memory with a node:buffer Buffer that is reused", () => {
  const codec = newCodec();
  const value = [new Uint8Array([1, 2]), new TestRef({ node: "n:9", path: "/reused", uid: 4 })];
  const chunk = Buffer.from(encodeEnvelope(codec, "/reused-buffer", 4, value));
  const original = Buffer.from(chunk);
  const first = decodeEnvelope(codec, chunk, 0, chunk.length);
  chunk.fill(0x61);
  assertSame(first, { path: "/reused-buffer", uid: 4, message: value });
  assertStrictEquals(Object.getPrototypeOf((first.message as object[])[0]), Uint8Array.prototype);
  assertSame(decodeEnvelope(codec, original, 0, original.length), first);
});

Deno.test("a bad header is refused before the message is looked at", () => {
  const codec = newCodec();
  const cases = {
    "": "nothing",
    "00 00 00": "no path length",
    "01 00 00 01 61 c0": "reserved flags",
    "00 00 00 05 61": "cut path",
    "00 ff ff ff ff ff ff ff ff 00 00": "uid without an end",
    "00 80 00 00 00 c0": "uid not in shortest form",
    "10 00 00 01 61 c0": "flags of a later version",
    "00 00 00 02 ff fe c0": "path that is not UTF-8",
  };
  for (const [hex, what] of Object.entries(cases)) {
    const bytes = bytesOf(hex);
    const code = wireErrorOf(() => decodeEnvelopeHeader(bytes, 0, bytes.length));
    assertStrictEquals(code, "malformed", what);
  }
  const noMessage = bytesOf("00 00 00 01 61");
  assertStrictEquals(decodeEnvelopeHeader(noMessage, 0, 5).path, "a");
  assertStrictEquals(wireErrorOf(() => decodeEnvelope(codec, noMessage, 0, 5)), "malformed");
});

Deno.test("a path, a uid or a whole that no frame carries is refused by the sender", () => {
  const codec = newCodec({ maxPath: 10, maxMessage: 100 });
  assertThrows(() => encodeEnvelope(codec, "/żżżżż", 0, 1), WireError, "maxPath 10");
  assertThrows(() => encodeEnvelope(codec, "/a", -1, 1), WireError, "uid -1");
  assertThrows(() => encodeEnvelope(codec, "/a", 0.5, 1), WireError, "uid 0.5");
  assertThrows(() => encodeEnvelope(codec, "/\ud800", 0, 1), WireError, "surrogate");
  assertThrows(() => encodeEnvelope(codec, "/a", 0, "x".repeat(93)), WireError, "maxMessage 100");
  assertStrictEquals(encodeEnvelope(codec, "/a", 0, "x".repeat(92)).length, 100);
  const long = encodeEnvelope(newCodec(), "/" + "p".repeat(10), 0, 1);
  assertThrows(() => decodeEnvelope(codec, long, 0, long.length), WireError, "maxPath 10");
});
