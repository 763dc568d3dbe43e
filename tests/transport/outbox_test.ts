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

Deno.test("outbox: a long queue reuses as many buffers as it has acknowledged", () => {
  const outbox = new Outbox(defaultTransportLimits);
  const first = fill(outbox, 100, 1);
  outbox.wrote();
  const busy = new Set(first.map(({ buffer }) => buffer));
  // The first ones are small.
  assert(outbox.acknowledge(sizeOf(first.slice(0, 18))));
  const again = fill(outbox, 40, 2).filter(({ buffer }) => busy.has(buffer));
  assert(again.length >= 8, `${again.length} of the writes use a buffer again`);
});

Deno.test("outbox: a queue that has become short gives the memory of its length back", () => {
  const outbox = new Outbox(defaultTransportLimits);
  const writes = fill(outbox, 100, 1);
  outbox.wrote();
  const sizes = writes.map(({ length }) => length);
  const buffers = writes.map(({ buffer }) => buffer)
    .filter(({ byteLength }) => byteLength === segmentSize);
  assert(buffers.length >= 20, `${buffers.length} large segments`);
  const inMemory = () => buffers.filter(({ byteLength }) => byteLength > 0).length;
  // What is acknowledged leaves as many spare segments as others are in use, or four.
  let acknowledged = 0;
  for (const [index, size] of sizes.slice(0, -1).entries()) {
    acknowledged += size;
    assert(outbox.acknowledge(acknowledged));
    const others = sizes.length - index - 1;
    assert(inMemory() <= others + Math.max(4, others), `${inMemory()}, ${others} in use`);
  }
  assertEquals(inMemory(), 5);
  assert(outbox.acknowledge(acknowledged + sizes.at(-1)!));
  assertEquals(inMemory(), 0);
});

Deno.test("outbox: no credit of a peer makes the bytes of a running write be overwritten", () => {
  const outbox = new Outbox(defaultTransportLimits);
  const writes = fill(outbox, 40, 1);
  // Nothing more fits behind the last message.
  while (endOf(writes) + message <= segmentSize) writes.push(...fill(outbox, 1, 1));
  const last = writes.at(-1)!;
  const copy = last.slice();
  const sent = sizeOf(writes);
  assert(outbox.acknowledge(sent - last.length));
  // Closes the segment that the link still looks at, and takes all buffers that are free.
  for (let i = 0; i < 40; i++) outbox.push(new Uint8Array(message).fill(1));
  // The peer cannot have read all of this yet.
  assert(outbox.acknowledge(sent));
  for (let i = 0; i < 40; i++) outbox.push(new Uint8Array(message).fill(2));
  assertEquals(last.length, copy.length);
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
