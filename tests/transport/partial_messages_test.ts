import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { Connection } from "../../lib/transport/connection/connection.ts";
import { PartialMessages } from "../../lib/transport/connection/partial_messages.ts";
import { transportLimits } from "../../lib/transport/base/limits.ts";
import { FrameType } from "../../lib/wire/frame.ts";
import { FrameWriter } from "../../lib/wire/frame_writer.ts";
import { FakeLink } from "./fake_link.ts";

/** A connection that only notes that it was ended. */
class Owner {
  ended = false;
  destroy(): void {
    this.ended = true;
  }
}

Deno.test("partial messages: the oldest one is dropped, however it grows", () => {
  const partials = new PartialMessages({ maxPartialBytes: 100, maxMessage: 50 });
  const [a, b, c] = [new Owner(), new Owner(), new Owner()];
  partials.hold(a, 10);
  partials.hold(b, 40);
  partials.hold(a, 40);
  assertEquals(partials.bytes, 80);
  partials.hold(c, 30);
  assertEquals([a.ended, b.ended, c.ended, partials.bytes], [true, false, false, 70]);
  partials.hold(b, 0);
  partials.hold(b, 0);
  partials.hold(a, 0);
  assertEquals(partials.bytes, 30);
});

Deno.test("partial messages: one of the largest size always fits", () => {
  const partials = new PartialMessages({ maxPartialBytes: 1, maxMessage: 50 });
  const owner = new Owner();
  partials.hold(owner, 50);
  assertEquals(owner.ended, false);
  partials.hold(owner, 51);
  assertEquals([owner.ended, partials.bytes], [true, 0]);
});

Deno.test("partial messages: the default follows maxMessage", () => {
  assertEquals(transportLimits().maxPartialBytes, 268_435_456);
  assertEquals(transportLimits({ maxMessage: 100 }).maxPartialBytes, 1_600);
  assertEquals(transportLimits({ maxPartialBytes: 7 }).maxPartialBytes, 7);
});

Deno.test("partial messages: frames that never end are counted, and the oldest one is dropped", () => {
  const limits = transportLimits({ maxPartialBytes: 20_000_000 });
  const partials = new PartialMessages(limits);
  const clock = new ManualClock();
  const ended: number[] = [];
  const frame = new FrameWriter(2 ** 21);
  frame.append(FrameType.message, new Uint8Array(1_000_000));
  const bytes = frame.take().slice();
  let messages = 0;
  const links = Array.from({ length: 30 }, (_, i) => {
    const link = new FakeLink();
    const connection = new Connection(link, clock, limits, {
      onFrame: () => {},
      onMessage: () => void messages++,
      onClosed: ({ fault }) => void (fault && ended.push(i)),
      onUnsent: () => {},
      onSignOfLife: () => {},
    }, partials);
    connection.open(limits);
    return link;
  });
  for (const link of links) {
    for (let at = 0; at < 900_000; at += 60_000) link.onData(bytes.subarray(at, at + 60_000));
    assert(partials.bytes <= 20_000_000, `${partials.bytes}`);
  }
  // A buffer may be larger than what is in it.
  assertEquals(ended, Array.from({ length: ended.length }, (_, i) => i));
  assert(ended.length >= 10 && ended.length < 20, `${ended.length} ended`);
  // A frame that ends is not counted any more.
  for (const link of links.slice(ended.length)) link.onData(bytes.subarray(900_000));
  assertEquals([messages, partials.bytes], [30 - ended.length, 0]);
});

Deno.test("partial messages: what ordinary chunks leave unfinished is not counted", () => {
  const limits = transportLimits();
  const partials = new PartialMessages(limits);
  const link = new FakeLink();
  const connection = new Connection(link, new ManualClock(), limits, {
    onFrame: () => {},
    onMessage: () => {},
    onClosed: () => {},
    onUnsent: () => {},
    onSignOfLife: () => {},
  }, partials);
  connection.open(limits);
  const frames = new FrameWriter(2 ** 21);
  for (let i = 0; i < 50; i++) frames.append(FrameType.message, new Uint8Array(30_000));
  const bytes = frames.take().slice();
  for (let at = 0; at < bytes.length; at += 65_536) {
    link.onData(bytes.subarray(at, at + 65_536));
    assertEquals(partials.bytes, 0);
  }
});
