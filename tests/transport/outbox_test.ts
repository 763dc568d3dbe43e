import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Outbox } from "../../lib/transport/connection/outbox.ts";
import { defaultTransportLimits } from "../../lib/transport/base/limits.ts";
import { idleSegmentSize, segmentSize } from "../../lib/transport/connection/segment.ts";

const message = 65_536;

/** Fills the outbox and takes everything, as a link that is fast does. */
function fill(outbox: Outbox, messages: number, byte: number): Uint8Array[] {
  const writes: Uint8Array[] = [];
  for (let i = 0; i < messages; i++) {
    assertEquals(outbox.push(new Uint8Array(message).fill(byte)), undefined);
  }
  for (let bytes = outbox.take(); bytes.length > 0; bytes = outbox.take()) writes.push(bytes);
  return writes;
}

function endOf(writes: readonly Uint8Array[]): number {
  const { byteOffset, length } = writes.at(-1)!;
  return byteOffset + length;
}

function sizeOf(writes: readonly Uint8Array[]): number {
  return writes.reduce((sum, { length }) => sum + length, 0);
}

Deno.test("outbox: a busy connection reuses the buffers of acknowledged segments", () => {
  const outbox = new Outbox(defaultTransportLimits);
  const first = fill(outbox, 40, 1);
  outbox.wrote();
  const busy = new Set(first.map(({ buffer }) => buffer));
  // All but the last byte: something is under way all the time.
  assert(outbox.acknowledge(sizeOf(first) - 1));
  const again = fill(outbox, 12, 2).filter(({ buffer }) => busy.has(buffer));
  assert(again.length >= 3, `${again.length} of the writes use a buffer again`);
});

Deno.test("outbox: no credit of a peer makes the bytes of a running write be overwritten", () => {
  const outbox = new Outbox(defaultTransportLimits);
  const writes = fill(outbox, 40, 1);
  // Nothing more fits behind the last message.
  while (endOf(writes) + message <= segmentSize) writes.push(...fill(outbox, 1, 1));
  const last = writes.at(-1)!;
  const copy = last.slice();
  assert(outbox.acknowledge(sizeOf(writes) - last.length));
  // Closes the segment that the link still looks at, and takes all buffers that are free.
  for (let i = 0; i < 40; i++) outbox.push(new Uint8Array(message).fill(1));
  // The peer cannot have read all of this yet.
  assert(outbox.acknowledge(sizeOf(writes)));
  for (let i = 0; i < 40; i++) outbox.push(new Uint8Array(message).fill(2));
  assert(last.every((byte, index) => byte === copy[index]));
});

Deno.test("outbox: a connection that has nothing to do keeps no large buffer", () => {
  const outbox = new Outbox(defaultTransportLimits);
  let sent = 0;
  for (let round = 0; round < 3; round++) {
    const writes = fill(outbox, 40, 1);
    outbox.wrote();
    sent += sizeOf(writes);
    assert(writes.some(({ buffer }) => buffer.byteLength === segmentSize));
    assert(outbox.acknowledge(sent));
    const known = new Set(writes.map(({ buffer }) => buffer));
    outbox.push(new Uint8Array(100));
    const next = outbox.take();
    outbox.wrote();
    assertEquals(known.has(next.buffer), false);
    assert(next.buffer.byteLength <= idleSegmentSize);
    sent += next.length;
    assert(outbox.acknowledge(sent));
  }
});

Deno.test("outbox: unacknowledged messages in reused buffers come back in order", () => {
  const outbox = new Outbox(defaultTransportLimits);
  let sent = 0;
  let pushed = 0;
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 10; i++) outbox.push(new Uint8Array(message).fill(pushed++));
    for (let bytes = outbox.take(); bytes.length > 0; bytes = outbox.take()) sent += bytes.length;
    outbox.wrote();
    assert(outbox.acknowledge(sent - 5 * (message + 5)));
  }
  const back: number[] = [];
  outbox.drain((payload, written) => {
    assertStrictEquals(written, true);
    assert(payload.every((byte) => byte === payload[0]));
    back.push(payload[0]!);
  });
  assertEquals(back, [195, 196, 197, 198, 199]);
});
