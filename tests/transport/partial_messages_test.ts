import { assertEquals } from "@std/assert";
import { PartialMessages } from "../../lib/transport/connection/partial_messages.ts";
import { transportLimits } from "../../lib/transport/base/limits.ts";

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
