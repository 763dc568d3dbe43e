import { assert, assertEquals } from "@std/assert";
import { SessionLink } from "../../lib/gateway/session/session_link.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";

const window = { messages: 4, bytes: 100 };
const numbers = (frames: readonly string[]) => frames.map((frame) => JSON.parse(frame)[0]);

Deno.test("a link sends within its window, and more when it is acknowledged", () => {
  const link = new SessionLink(window);
  for (let body = 0; body < 6; body++) link.push(String(body));
  assert(!link.hasRoom);
  assertEquals(numbers(link.take(0)), [1, 2, 3, 4]);
  assertEquals(link.take(0), []);
  assert(link.onAcknowledged(2));
  assertEquals(numbers(link.take(0)), [5, 6]);
  assertEquals(link.size, 4);
  assert(!link.onAcknowledged(7), "it was not sent");
  assert(link.onAcknowledged(1), "late news");
});

Deno.test("a link counts bytes, and lets a body that is longer than all pass alone", () => {
  const link = new SessionLink(window);
  link.push(`"${"x".repeat(200)}"`);
  link.push("1");
  assertEquals(numbers(link.take(0)), [1]);
  assertEquals(link.bytes, 203);
  link.onAcknowledged(1);
  assertEquals(numbers(link.take(0)), [2]);
  assertEquals(link.bytes, 1);
});

Deno.test("after a resumption a link sends what has not come, under the same numbers", () => {
  const link = new SessionLink(window);
  const entries = ["a", "b", "c"].map((text) => link.push(JSON.stringify(text)));
  link.take(0);
  const late = link.push('"d"');
  assert(!link.cancel(entries[0]!), "it was sent");
  assert(link.resume(1));
  assertEquals(link.take(5).map((frame) => JSON.parse(frame)), [
    [2, 0, "b"],
    [3, 0, "c"],
    [4, 0, "d"],
  ]);
  assert(late.isSent);
  assertEquals(link.oldestSentAt, 5);
  assert(!link.resume(9));
});

Deno.test("a body that was not sent can be taken back, and leaves no hole", () => {
  const link = new SessionLink(window);
  const first = link.push("1");
  link.push("2");
  assert(link.cancel(first));
  assert(!link.cancel(first));
  assertEquals(link.take(0), ["[1,0,2]"]);
});

Deno.test("a number that has come is ignored, and one that skips others is out of order", () => {
  const link = new SessionLink(window);
  assertEquals(link.onReceived(2), "outOfOrder");
  assertEquals([link.onReceived(1), link.onReceived(1)], ["new", "duplicate"]);
  assertEquals([link.onReceived(3), link.onReceived(2)], ["outOfOrder", "new"]);
  assert(link.owesAcknowledgement);
  assertEquals(link.acknowledge(), 2);
  assert(!link.owesAcknowledgement);
});

Deno.test("two links pass on each body once and in order, whatever frames are lost or repeated", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new SeededRandom(seed);
    const ends = [new SessionLink(window), new SessionLink(window)] as const;
    const arrived: number[][] = [[], []];
    const sent = [0, 0];
    const wires: string[][] = [[], []];
    const reconnect = () => {
      wires[0] = [];
      wires[1] = [];
      ends.forEach((end, at) => assert(end.resume(ends[1 - at]!.received), `seed ${seed}`));
    };
    const step = (isFaulty: boolean) => {
      const at = random.next() < 0.5 ? 0 : 1;
      const end = ends[at]!;
      if (isFaulty && sent[at]! < 200) end.push(String(sent[at]!++));
      wires[1 - at]!.push(...end.take(0));
      if (end.owesAcknowledgement) wires[1 - at]!.push(String(end.acknowledge()));
      const wire = wires[at]!;
      const dice = isFaulty ? random.next() : 1;
      if (dice < 0.02) return reconnect();
      const frame = dice < 0.05 ? wire.shift() && undefined : dice < 0.1 ? wire[0] : wire.shift();
      if (frame === undefined) return;
      const value = JSON.parse(frame);
      if (typeof value === "number") return assert(end.onAcknowledged(value));
      const [number, received, body] = value;
      assert(end.onAcknowledged(received));
      const arrival = end.onReceived(number);
      if (arrival === "new") arrived[at]!.push(body);
      // A frame before it was lost: the connection is of no use.
      if (arrival === "outOfOrder") reconnect();
    };
    for (let steps = 0; steps < 2_000; steps++) step(true);
    reconnect();
    for (let steps = 0; steps < 2_000; steps++) step(false);
    for (const at of [0, 1]) {
      const wanted = Array.from({ length: sent[1 - at]! }, (_, body) => body);
      assertEquals(arrived[at], wanted, `seed ${seed}`);
    }
    assertEquals(ends.map(({ size, bytes }) => [size, bytes]), [[0, 0], [0, 0]]);
  }
});
