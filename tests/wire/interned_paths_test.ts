import fc from "fast-check";
import { assertEquals, assertStrictEquals } from "@std/assert";
import {
  decodeEnvelope,
  decodeEnvelopeHeader,
  encodeEnvelope,
  NUMBER_BYTES,
  withPath,
  writeNumbered,
} from "../../lib/wire/envelope.ts";
import { NumberedPaths, PathNumbers } from "../../lib/wire/interned_paths.ts";
import { bytesOf, hexOf, newCodec, wireErrorOf } from "./values.ts";

const someTrace = { traceId: "1".repeat(32), spanId: "2".repeat(16), sampled: true };

/** Bytes as a connection would send them: with a number as soon as the path is worth one. */
function send(numbers: PathNumbers, envelope: Uint8Array, path: string): Uint8Array {
  let number = numbers.numberOf(path);
  const isNew = number < 0 && numbers.isWorthOne(path);
  if (isNew) number = numbers.add(path);
  if (number < 0) return envelope.slice();
  const out = new Uint8Array(envelope.length + NUMBER_BYTES + 2);
  return out.slice(1, writeNumbered(out, 1, envelope, number, isNew));
}

Deno.test("the layout of envelopes with numbers is pinned", () => {
  const codec = newCodec();
  const numbers = new PathNumbers(10);
  const sent = Array.from({ length: 4 }, () => {
    return hexOf(send(numbers, encodeEnvelope(codec, "/a", 300, 7), "/a"));
  });
  assertEquals(sent, [
    "00 ac 02 00 02 2f 61 07",
    "00 ac 02 00 02 2f 61 07",
    "02 ac 02 00 00 02 2f 61 07",
    "01 ac 02 00 07",
  ]);
});

Deno.test("whatever paths are sent in whatever order, both ends agree, within the bound", () => {
  const path = fc.constantFrom("/a", "/żółw", "/b/c", "/d", "/" + "x".repeat(300), "/e");
  fc.assert(fc.property(
    fc.array(fc.tuple(path, fc.maxSafeNat(), fc.boolean()), { maxLength: 80 }),
    fc.nat(4),
    (messages, max) => {
      const codec = newCodec();
      const numbers = new PathNumbers(max);
      const paths = new NumberedPaths(max);
      for (const [path, uid, traced] of messages) {
        const trace = traced ? someTrace : undefined;
        const plain = encodeEnvelope(codec, path, uid, uid, undefined, trace).slice();
        const bytes = send(numbers, plain, path);
        const header = decodeEnvelopeHeader(bytes, 0, bytes.length, 2_048, paths);
        assertEquals([header.path, header.uid, header.trace], [path, uid, trace]);
        assertStrictEquals(codec.decode(bytes, header.bodyStart, bytes.length), uid);
        // What is lost is told as it was.
        assertStrictEquals(hexOf(withPath(bytes, numbers)), hexOf(plain));
        assertEquals(decodeEnvelope(codec, plain, 0, plain.length).path, path);
      }
      assertStrictEquals(paths.size, numbers.size);
    },
  ));
});

Deno.test("a path that is used once takes no number, nor do too long ones", () => {
  const numbers = new PathNumbers(256);
  for (let i = 0; i < 10_000; i++) assertStrictEquals(numbers.isWorthOne(`/temporary-${i}`), false);
  const long = "/" + "x".repeat(255);
  for (let i = 0; i < 10; i++) assertStrictEquals(numbers.isWorthOne(long), false);
  assertEquals([1, 2, 3].map(() => numbers.isWorthOne("/again")), [false, false, true]);
});

const lies: [string, string, string][] = [
  ["a number that was not given", "01 00 05 c0", "malformed"],
  ["a number that is not the next", "02 00 01 00 01 61 c0", "malformed"],
  ["a number beyond 2^53", "01 00 ff ff ff ff ff ff ff ff 7f c0", "malformed"],
  ["reserved flags", "03 00 00 00 01 61 c0", "malformed"],
  ["reserved flags besides that of a trace", "07 00 00 00 01 61 c0", "malformed"],
  ["other flags", "10 00 00 01 61 c0", "malformed"],
  ["a deadline that is cut", "08 00 00 01 61 c0", "malformed"],
  ["a cut trace behind a number", "06 00 00 00 01 61 c0", "malformed"],
  ["a cut number", "01 00", "malformed"],
  ["a cut path behind a number", "02 00 00 00 05 61 c0", "malformed"],
];

for (const [what, hex, code] of lies) {
  Deno.test(`an envelope with ${what} is refused`, () => {
    const bytes = bytesOf(hex);
    const paths = new NumberedPaths(8);
    const read = () => decodeEnvelopeHeader(bytes, 0, bytes.length, 2_048, paths);
    assertStrictEquals(wireErrorOf(read), code);
    assertStrictEquals(paths.size, 0);
  });
}

Deno.test("a peer cannot fill the table beyond its bound, nor with long paths", () => {
  const paths = new NumberedPaths(3);
  for (let i = 0; i < 3; i++) paths.add(i, `/p${i}`, 3);
  assertStrictEquals(wireErrorOf(() => paths.add(3, "/p3", 3)), "malformed");
  assertStrictEquals(wireErrorOf(() => new NumberedPaths(3).add(0, "/x", 2_000)), "tooLarge");
  assertStrictEquals(wireErrorOf(() => new NumberedPaths(0).add(0, "/x", 2)), "malformed");
});
