import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { transportLimits } from "../../lib/transport/base/limits.ts";
import { Outbox } from "../../lib/transport/connection/outbox.ts";
import { Whole } from "../../lib/wire/chunks.ts";
import { release, unfilled } from "../../lib/wire/memory.ts";
import { newCodec } from "./values.ts";

Deno.test("memory: large pieces are given back at once, small ones are left alone", () => {
  const large = new Uint8Array(unfilled(131_072));
  const view = large.subarray(5, 10);
  release(large);
  assertEquals([large.length, view.length], [0, 0]);
  const small = Uint8Array.of(1, 2, 3);
  release(small);
  assertEquals(small, Uint8Array.of(1, 2, 3));
});

Deno.test("memory: pieces of a message are given back as they are joined", () => {
  const pieces = [7, 8, 9].map((byte) => new Uint8Array(200_000).fill(byte));
  const whole = new Whole(4, 500_000, [...pieces]);
  whole.step(300_000);
  assertEquals(pieces.map(({ length }) => length), [0, 200_000, 200_000]);
  while (!whole.done) whole.step(300_000);
  assertEquals(whole.bytes.subarray(199_999, 200_001), Uint8Array.of(7, 8));
  assertStrictEquals(whole.bytes.at(-1), 9);
});

Deno.test("memory: an encoded message that is released does not harm the next one", () => {
  const codec = newCodec();
  const large = codec.encode("x".repeat(3_000_000));
  codec.releaseEncoded(large);
  assertStrictEquals(large.length, 0);
  const small = codec.encode("y");
  codec.releaseEncoded(small);
  assertEquals(codec.decode(codec.encode(["z", 1]).slice()), ["z", 1]);
});

Deno.test("memory: a large message is given back when it is acknowledged, and not before", () => {
  const outbox = new Outbox(transportLimits());
  outbox.push(new Uint8Array(2_000_000).fill(7));
  outbox.push(Uint8Array.of(1));
  const writes: Uint8Array[] = [];
  let total = 0;
  for (let bytes = outbox.take(); bytes.length > 0; bytes = outbox.take()) {
    writes.push(bytes);
    total += bytes.length;
    outbox.wrote();
  }
  const last = writes.at(-1)!.length;
  assert(outbox.acknowledge(total - last - 1));
  assert(writes.every(({ length }) => length > 0));
  assert(outbox.acknowledge(total - last));
  assertEquals(writes.slice(0, -1).map(({ length }) => length), writes.slice(0, -1).map(() => 0));
  assertStrictEquals(writes.at(-1)!.length, last);
});

Deno.test("memory: an early acknowledgement gives back nothing that is being written", () => {
  const outbox = new Outbox(transportLimits({ maxFrame: 4_000_000 }));
  outbox.push(new Uint8Array(200_000));
  outbox.push(new Uint8Array(5_000_000));
  let taken = outbox.take();
  for (let bytes = taken; bytes.length > 0; bytes = outbox.take()) taken = bytes;
  assert(outbox.acknowledge(outbox.unacknowledged));
  assert(taken.length > 0);
});
