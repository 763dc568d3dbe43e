import { assert, assertEquals } from "@std/assert";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import { unlimitedTurns } from "../../lib/transport/connection/read_turns.ts";
import { Outbox } from "../../lib/transport/connection/outbox.ts";
import { Inbox } from "../../lib/transport/connection/inbox.ts";
import { transportLimits } from "../../lib/transport/base/limits.ts";
import { FrameType } from "../../lib/wire/frame.ts";
import { FrameReader } from "../../lib/wire/frame_reader.ts";
import { World } from "./endpoints.ts";

/** What an outbox hands out comes out of an inbox. */
function pipe(outbox: Outbox, limits = transportLimits()) {
  const messages: Uint8Array[] = [];
  const types: number[] = [];
  const inbox = new Inbox(limits, unlimitedTurns, (bytes, start, end) => {
    messages.push(bytes.slice(start, end));
  });
  const reader = new FrameReader(limits.maxFrame, (type, bytes, start, end) => {
    types.push(type);
    inbox.push(type, bytes, start, end);
  });
  const run = () => {
    for (let bytes = outbox.take(); bytes.length > 0; bytes = outbox.take()) reader.push(bytes);
  };
  return { messages, types, inbox, run };
}

Deno.test("large messages: 1 byte to 3 MiB cross a link in order, in frames of at most maxFrame", async () => {
  await using world = new World();
  const limits = { maxFrame: 4_096, window: 100_000 };
  const a = await world.start("a", { limits });
  const b = await world.start("b");
  const texts = [1, 4_095, 4_096, 100_000, 7, 3_000_000].map((size, index) => {
    return `${index}`.repeat(size);
  });
  for (const text of texts) a.send("b:25520", text);
  await world.clock.runUntil(() => b.heard.length === texts.length);
  assertEquals(b.texts.map((text) => [text.length, text[0]]), texts.map((t) => [t.length, t[0]]));
  assertEquals(b.texts, texts);
  assertEquals(a.dropped, []);
});

Deno.test("large messages: the smaller maxMessage of both ends counts", async () => {
  await using world = new World();
  const a = await world.start("a");
  const b = await world.start("b", { limits: { maxMessage: 5_000 } });
  a.send("b:25520", "x".repeat(5_001));
  a.send("b:25520", "y".repeat(5_000));
  await world.clock.runUntil(() => b.heard.length === 1);
  assertEquals(a.dropped, [`b:25520 tooLarge ${"x".repeat(40)}`]);
  assertEquals(b.texts, ["y".repeat(5_000)]);
});

Deno.test("large messages: control and keep-alive do not wait for more than one chunk", () => {
  const outbox = new Outbox(transportLimits());
  outbox.push(new Uint8Array(10_000_000));
  const sizes: number[] = [];
  for (let bytes = outbox.take(); bytes.length > 0; bytes = outbox.take()) sizes.push(bytes.length);
  assert(sizes.length > 30 && Math.max(...sizes) <= 262_144 + 11, `${sizes}`);
});

Deno.test("large messages: with compressAbove texts are deflated, noise and small ones are not", () => {
  const limits = transportLimits({ compressAbove: 1_000, maxFrame: 2_000 });
  const outbox = new Outbox(limits);
  const { messages, types, run } = pipe(outbox, limits);
  const text = new TextEncoder().encode(
    Array.from({ length: 3_000 }, (_, i) => `line ${i * 7_919 % 1_009} of a log`).join("\n"),
  );
  const noise = new SeededRandom(1).bytes(1_500);
  for (const payload of [text.slice(0, 1_000), noise, text.slice(0, 3_000), text]) {
    outbox.push(payload);
  }
  run();
  assertEquals(messages.map(({ length }) => length), [1_000, 1_500, 3_000, text.length]);
  assertEquals(messages.at(-1), text);
  assertEquals(types.slice(0, 3), [FrameType.message, FrameType.message, FrameType.compressed]);
  assertEquals(new Set(types.slice(3)), new Set([FrameType.chunk]));
  assert(types.length < 20, `${types.length} frames`);
});

Deno.test("outbox: unacknowledged messages come back unchanged: plain, numbered, chunked, deflated", () => {
  const limits = transportLimits({ compressAbove: 1_000, maxFrame: 512, maxInternedPaths: 4 });
  const outbox = new Outbox(limits);
  const envelope = (body: number) => new Uint8Array([0, 5, 0, 2, 0x2f, 0x61, body]);
  const sent: Uint8Array[] = [];
  const push = (payload: Uint8Array, path?: string) => {
    assertEquals(outbox.push(payload, path), undefined);
    sent.push(payload);
  };
  for (let i = 0; i < 5; i++) push(envelope(i), "/a");
  // Larger ones are envelopes too: without a path, they begin with a flag of 0.
  const body = (size: number, noise: boolean) => {
    const bytes = noise ? new SeededRandom(2).bytes(size) : new Uint8Array(size).fill(7);
    bytes.set([0, 5, 0, 2, 0x2f, 0x61]);
    return bytes;
  };
  push(body(900, true));
  push(body(5_000, true));
  push(body(1_500, false).map((byte, i) => i > 6 ? i & 31 : byte));
  for (let i = 5; i < 9; i++) push(envelope(i), "/a");
  let taken = 0;
  const writes = [outbox.take().length, outbox.take().length];
  taken = writes[0]! + writes[1]!;
  // The first write was read.
  assertEquals(outbox.acknowledge(writes[0]!), true);
  const back: [Uint8Array, boolean][] = [];
  outbox.drain((payload, written) => back.push([payload.slice(), written]));
  assertEquals(back.map(([payload]) => payload), sent.slice(sent.length - back.length));
  assert(back.length >= 6 && taken > writes[0]!);
  // Once not written, all that follow are not.
  assertEquals(back.map(([, written]) => written), back.map(([, w]) => w).toSorted().reverse());
  assertEquals([outbox.messages, outbox.bytes, outbox.unacknowledged], [0, 0, 0]);
});

Deno.test("outbox: a credit above the written bytes or below the last credit is refused", () => {
  const outbox = new Outbox(transportLimits());
  outbox.push(new Uint8Array(10));
  assertEquals(outbox.acknowledge(1), false);
  outbox.take();
  assertEquals([outbox.acknowledge(15), outbox.acknowledge(14), outbox.acknowledge(16)], [
    true,
    false,
    false,
  ]);
});

Deno.test("outbox: any traffic, acknowledged in any steps, passes unchanged and frees its memory", () => {
  const random = new SeededRandom(5);
  const limits = transportLimits({ maxFrame: 3_000, compressAbove: 800 });
  const outbox = new Outbox(limits);
  const { messages, inbox, run } = pipe(outbox, limits);
  let sent = 0;
  for (let round = 0; round < 400; round++) {
    for (let i = random.next() * 20; i > 0; i--) {
      const size = random.next() < 0.05 ? 9_000 : Math.floor(random.next() * 1_200);
      outbox.push(new Uint8Array(size).fill(sent++ & 255));
    }
    run();
    if (random.next() < 0.7) assert(outbox.acknowledge(inbox.takeCredit()));
  }
  assert(outbox.acknowledge(inbox.takeCredit()));
  assertEquals(messages.length, sent);
  messages.forEach((message, index) => assert(message.every((byte) => byte === (index & 255))));
  let left = 0;
  outbox.drain(() => left++);
  assertEquals(left, 0);
});
