import fc from "fast-check";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { chunkedSize, ChunkReader, type Whole, writeChunks } from "../../lib/wire/chunks.ts";
import { FrameType } from "../../lib/wire/frame.ts";
import { FrameReader } from "../../lib/wire/frame_reader.ts";
import { WireError } from "../../lib/wire/errors.ts";
import { bytesOf, hexOf, wireErrorOf } from "./values.ts";

function chunked(payload: Uint8Array, chunkSize: number): Uint8Array {
  const out = new Uint8Array(chunkedSize(payload.length, chunkSize));
  const end = writeChunks(out, 0, FrameType.message, payload, chunkSize);
  assertStrictEquals(end, out.length);
  return out;
}

function read(chunks: ChunkReader, stream: Uint8Array): Whole[] {
  const wholes: Whole[] = [];
  const reader = new FrameReader(2 ** 20, (type, bytes, start, end) => {
    assertStrictEquals(type, FrameType.chunk);
    const whole = chunks.push(bytes, start, end);
    while (whole !== undefined && !whole.done) assert(whole.step(7) <= 7);
    if (whole !== undefined) wholes.push(whole);
  });
  reader.push(stream);
  return wholes;
}

Deno.test("the layout of chunks is pinned", () => {
  assertStrictEquals(
    hexOf(chunked(bytesOf("aa bb cc dd ee"), 2)),
    "00 00 00 09 09 01 04 00 00 00 05 aa bb " +
      "00 00 00 04 09 00 cc dd " +
      "00 00 00 03 09 02 ee",
  );
  assertStrictEquals(hexOf(chunked(bytesOf("aa"), 9)), "00 00 00 08 09 03 04 00 00 00 01 aa");
});

Deno.test("any message comes back from chunks of any size, several in a row", () => {
  fc.assert(fc.property(
    fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 }),
    fc.integer({ min: 1, max: 400 }),
    (payloads, chunkSize) => {
      const reader = new ChunkReader(300);
      for (const payload of payloads) {
        const wholes = read(reader, chunked(payload, chunkSize));
        assertEquals(wholes.map(({ type, bytes }) => [type, hexOf(bytes)]), [[4, hexOf(payload)]]);
        assertStrictEquals(reader.busy, false);
        assertStrictEquals(reader.capacity, 0);
      }
    },
  ));
});

const lies: [string, string[], string][] = [
  ["a first chunk within a message", ["01 04 00 00 00 09 aa", "01 04 00 00 00 09 aa"], "malformed"],
  ["a chunk of no message", ["00 aa"], "malformed"],
  ["a last chunk of no message", ["02 aa"], "malformed"],
  ["more bytes than announced", ["01 04 00 00 00 02 aa", "00 bb cc"], "malformed"],
  ["fewer bytes than announced", ["01 04 00 00 00 03 aa", "02 bb"], "malformed"],
  ["a chunk without data, which would never end", ["01 04 00 00 00 03 aa", "00"], "malformed"],
  ["a chunk of nothing at all", [""], "malformed"],
  ["a first chunk cut short", ["01 04 00 00"], "malformed"],
  ["reserved flags", ["05 04 00 00 00 01 aa"], "malformed"],
  ["chunks of a credit", ["01 05 00 00 00 08 aa"], "malformed"],
  ["chunks of chunks", ["01 09 00 00 00 08 aa"], "malformed"],
  ["a total beyond maxMessage", ["01 04 00 10 00 01 aa"], "tooLarge"],
];

for (const [what, chunks, code] of lies) {
  Deno.test(`${what} is refused as ${code}`, () => {
    const reader = new ChunkReader(2 ** 20);
    const last = bytesOf(chunks.at(-1)!);
    for (const chunk of chunks.slice(0, -1)) reader.push(bytesOf(chunk), 0, bytesOf(chunk).length);
    assertStrictEquals(wireErrorOf(() => reader.push(last, 0, last.length)), code);
  });
}

Deno.test("an announced total alone costs no memory", () => {
  const reader = new ChunkReader(2 ** 24);
  const first = bytesOf("01 04 01 00 00 00 aa");
  reader.push(first, 0, first.length);
  assert(reader.capacity <= 16, `${reader.capacity} bytes`);
  const more = new Uint8Array(1_001);
  let sent = 1;
  for (let i = 0; i < 50; i++) {
    reader.push(more, 0, more.length);
    sent += 1_000;
    assert(reader.capacity <= 2 * sent, `${reader.capacity} bytes for ${sent}`);
  }
  const error = assertThrows(
    () => new ChunkReader(1_000).push(first, 0, first.length),
    WireError,
    "maxMessage 1000",
  );
  assertStrictEquals(error.code, "tooLarge");
});
