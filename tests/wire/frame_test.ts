import fc from "fast-check";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { FrameType } from "../../lib/wire/frame.ts";
import { FrameReader } from "../../lib/wire/frame_reader.ts";
import { FrameWriter } from "../../lib/wire/frame_writer.ts";
import { WireError } from "../../lib/wire/errors.ts";
import { bytesOf, hexOf, wireErrorOf } from "./values.ts";

interface Frame {
  readonly type: number;
  readonly payload: string;
}

function collect(frames: Frame[], maxFrame = 1_000_000): FrameReader {
  return new FrameReader(maxFrame, (type, bytes, start, end) => {
    frames.push({ type, payload: hexOf(bytes.subarray(start, end)) });
  });
}

function writeAll(frames: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const writer = new FrameWriter();
  for (const [type, payload] of frames) writer.append(type, payload);
  return writer.take().slice();
}

Deno.test("a frame is a big-endian length of type and payload, the type, the payload", () => {
  const writer = new FrameWriter();
  writer.append(FrameType.message, bytesOf("aa bb cc dd"), 1, 3);
  writer.append(FrameType.ping, new Uint8Array(0));
  writer.append(FrameType.hello, new Uint8Array(256).fill(1));
  assertStrictEquals(writer.size, 7 + 5 + 261);
  const hex = hexOf(writer.take());
  assert(hex.startsWith("00 00 00 03 04 bb cc 00 00 00 01 07 00 00 01 01 01 01"), hex);
});

Deno.test("the numbers of frame types are pinned", () => {
  assertEquals({ ...FrameType }, {
    hello: 1,
    welcome: 2,
    refuse: 3,
    message: 4,
    credit: 5,
    close: 6,
    ping: 7,
    pong: 8,
    chunk: 9,
    compressed: 10,
  });
});

Deno.test("frames come out the same however the stream is cut", () => {
  const frame = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 700 }));
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 12 }),
      fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 20 }),
      (frames, cuts) => {
        const stream = writeAll(frames);
        const frameList: Frame[] = [];
        const reader = collect(frameList);
        let at = 0;
        for (let i = 0; at < stream.length; i++) {
          // At least every 20th cut makes progress.
          const size = Math.max(cuts[i % cuts.length]!, i % 20 === 0 ? 1 : 0);
          // The chunk is overwritten after the call, as a socket's buffer may be.
          const chunk = stream.slice(at, at + size);
          reader.push(chunk);
          chunk.fill(0xee);
          at += size;
        }
        assertEquals(
          frameList,
          frames.map(([type, payload]) => ({ type, payload: hexOf(payload) })),
        );
        assertStrictEquals(reader.pendingBytes, 0);
      },
    ),
    { numRuns: 1_000 },
  );
});

Deno.test("a whole frame is handed over without a copy", () => {
  const stream = writeAll([[4, bytesOf("01 02")], [4, bytesOf("03")]]);
  const buffers: Uint8Array[] = [];
  const reader = new FrameReader(100, (_type, bytes) => buffers.push(bytes));
  reader.push(stream);
  assertStrictEquals(buffers.length, 2);
  for (const bytes of buffers) assertStrictEquals(bytes, stream);
});

Deno.test("byte by byte, a frame of one byte less than the limit passes and the rest is seen", () => {
  const frames: Frame[] = [];
  const reader = collect(frames, 4);
  for (const byte of bytesOf("00 00 00 04 04 aa bb cc 00 00")) reader.push(Uint8Array.of(byte));
  assertEquals(frames, [{ type: 4, payload: "aa bb cc" }]);
  assertStrictEquals(reader.pendingBytes, 2);
});

Deno.test("zero-length and oversized frames are refused, whole or cut, before their bytes come", () => {
  for (const hex of ["00 00 00 00", "00 00 00 00 04", "7f ff ff ff 04", "47 45 54 20"]) {
    for (const step of [1, 2, 3, 100]) {
      const frames: Frame[] = [];
      const reader = collect(frames);
      const bytes = bytesOf(`00 00 00 01 07 ${hex}`);
      const code = wireErrorOf(() => {
        for (let at = 0; at < bytes.length; at += step) reader.push(bytes.slice(at, at + step));
      });
      assertStrictEquals(code, hex.startsWith("00") ? "emptyFrame" : "frameTooLarge");
      assertEquals(frames, [{ type: 7, payload: "" }]);
      assertStrictEquals(reader.stopped, true);
      reader.push(bytesOf("00 00 00 01 07"));
      assertStrictEquals(frames.length, 1);
    }
  }
  const reader = collect([], 10);
  assertThrows(() => reader.push(bytesOf("00 00 00 0b")), WireError, "maxFrame 10");
});

Deno.test("an announced length alone costs no memory", () => {
  const before = Deno.memoryUsage().external;
  const readers = Array.from({ length: 200 }, () => collect([], 2 ** 30));
  for (const reader of readers) {
    reader.push(bytesOf("3f ff ff ff 04 01 02"));
    reader.push(bytesOf("03"));
    assertStrictEquals(reader.pendingBytes, 8);
  }
  assert(Deno.memoryUsage().external - before < 2 ** 22);
});

Deno.test("a large frame in small chunks arrives whole", () => {
  const payload = new Uint8Array(900_000).map((_, i) => i * 31);
  const stream = writeAll([[4, payload], [7, new Uint8Array(0)]]);
  let seen = 0;
  const types: number[] = [];
  const reader = new FrameReader(1_000_000, (type, bytes, start, end) => {
    types.push(type);
    if (type === 4) {
      for (let i = start; i < end; i++) if (bytes[i] === ((i - start) * 31 & 0xff)) seen++;
    }
  });
  for (let at = 0; at < stream.length; at += 1_460) reader.push(stream.slice(at, at + 1_460));
  assertStrictEquals(seen, payload.length);
  assertEquals(types, [4, 7]);
});

Deno.test("stop inside the handler ends the chunk; a handler that throws stops the reader", () => {
  const stream = bytesOf("00 00 00 01 07 00 00 00 01 08 00 00");
  const types: number[] = [];
  const stopping: FrameReader = new FrameReader(100, (type) => {
    types.push(type);
    stopping.stop();
  });
  stopping.push(stream);
  stopping.push(stream);
  assertEquals(types, [7]);
  assertStrictEquals(stopping.pendingBytes, 0);

  const throwing = new FrameReader(100, (type) => {
    types.push(type);
    throw new Error("handler");
  });
  assertThrows(() => throwing.push(stream), Error, "handler");
  throwing.push(stream);
  assertEquals(types, [7, 7]);

  // The same for a frame that was completed out of the reader's own buffer.
  const cut: FrameReader = new FrameReader(100, (type) => {
    types.push(type);
    cut.stop();
  });
  cut.push(stream.slice(0, 3));
  cut.push(stream.slice(3));
  assertEquals(types, [7, 7, 7]);
});

Deno.test("a reader that is fed from its own handler says so", () => {
  const reader: FrameReader = new FrameReader(100, () => reader.push(bytesOf("00")));
  assertStrictEquals(wireErrorOf(() => reader.push(bytesOf("00 00 00 01 07"))), "reentrant");
});

Deno.test("setMaxFrame inside the handler holds for the next frame of the same chunk", () => {
  const types: number[] = [];
  const reader: FrameReader = new FrameReader(1, (type) => {
    types.push(type);
    reader.setMaxFrame(3);
  });
  reader.push(bytesOf("00 00 00 01 01 00 00 00 03 04 aa bb"));
  assertEquals(types, [1, 4]);
  assertStrictEquals(wireErrorOf(() => reader.push(bytesOf("00 00 00 04"))), "frameTooLarge");
});

Deno.test("taken bytes stay unchanged while the other buffer fills", () => {
  const writer = new FrameWriter();
  writer.append(4, bytesOf("01"));
  const first = writer.take();
  const copy = hexOf(first);
  assertStrictEquals(writer.size, 0);
  assertStrictEquals(writer.take().length, 0);
  writer.append(4, new Uint8Array(10_000).fill(2));
  assertStrictEquals(hexOf(first), copy);
  assertStrictEquals(writer.take().length, 10_005);
});

Deno.test("a writer starts small and gives memory back after a burst", () => {
  const writer = new FrameWriter();
  assertStrictEquals(writer.capacity, 0);
  writer.append(7, new Uint8Array(0));
  assertStrictEquals(writer.capacity, 4_096);
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 50; i++) writer.append(4, new Uint8Array(60_000));
    assertStrictEquals(writer.take().length, 50 * 60_005 + (round === 0 ? 5 : 0));
  }
  assert(writer.capacity > 6_000_000);
  for (let i = 0; i < 3; i++) {
    writer.append(7, new Uint8Array(0));
    writer.take();
  }
  assert(writer.capacity <= 2 * 65_536, `${writer.capacity}`);
});

Deno.test("a frame that the peer would refuse is not added", () => {
  const writer = new FrameWriter(10);
  writer.append(4, new Uint8Array(9));
  assertThrows(() => writer.append(4, new Uint8Array(10)), WireError, "maxFrame 10");
  assertStrictEquals(writer.size, 14);
  writer.setMaxFrame(11);
  writer.append(4, new Uint8Array(10));
  assertStrictEquals(writer.take().length, 14 + 15);
});

Deno.test("what waits behind a halt is counted until it is read, or the reader stops", () => {
  const bytes = writeAll(Array.from({ length: 4 }, () => [FrameType.message, new Uint8Array(100)]));
  let read = 0;
  let haltAfter = 0;
  const reader: FrameReader = new FrameReader(1_000, () => {
    if (++read === haltAfter) reader.halt();
  });
  for (let round = 0; round < 3; round++) {
    [read, haltAfter] = [0, 1];
    // The rest of this one is kept, and all of the next.
    reader.push(bytes);
    reader.push(bytes);
    assertEquals([read, reader.held], [1, bytes.length * 7 / 4]);
    haltAfter = 6;
    reader.proceed();
    assertEquals([read, reader.held], [6, bytes.length / 2]);
    reader.proceed();
    assertEquals([read, reader.held], [8, 0]);
  }
  reader.halt();
  reader.push(bytes);
  assertEquals(reader.held, bytes.length);
  reader.stop();
  assertEquals(reader.held, 0);
});
