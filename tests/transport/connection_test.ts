import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { TransportError } from "../../lib/transport/base/errors.ts";
import { Connection } from "../../lib/transport/connection/connection.ts";
import { decodeRefusal } from "../../lib/transport/connection/handshake.ts";
import { type TransportLimits, transportLimits } from "../../lib/transport/base/limits.ts";
import { FrameType } from "../../lib/wire/frame.ts";
import { FakeLink } from "./fake_link.ts";

const bytes = (length: number, fill = 0) => new Uint8Array(length).fill(fill);

class Scene {
  readonly clock = new ManualClock();
  readonly link = new FakeLink();
  readonly limits: TransportLimits;
  readonly received: number[][] = [];
  readonly closed: string[] = [];
  lives = 0;
  readonly unsent: number[] = [];
  readonly connection: Connection;

  constructor(limits: Partial<TransportLimits> = {}, open = true) {
    this.limits = transportLimits(limits);
    this.connection = new Connection(this.link, this.clock, this.limits, {
      onFrame: (type, chunk, start, end) => this.received.push([type, ...chunk.slice(start, end)]),
      onMessage: (chunk, start, end) => {
        this.received.push([FrameType.message, ...chunk.subarray(start, end)]);
      },
      onClosed: ({ reason }) => this.closed.push(reason),
      onSignOfLife: () => this.lives++,
      onUnsent: (payload) => this.unsent.push(payload.length),
    });
    if (open) this.connection.open(this.limits);
  }

  /** Lets everything run that is due now. */
  settle(): Promise<void> {
    return this.clock.advance(0);
  }

  credit(total: number): void {
    const payload = new Uint8Array(8);
    new DataView(payload.buffer).setFloat64(0, total);
    this.link.receive(FrameType.credit, payload);
  }
}

Deno.test("connection: a few messages of one turn go out in one write, in order", async () => {
  const { connection, link, settle } = bind(new Scene());
  for (let i = 0; i < 31; i++) assertEquals(connection.send(bytes(10, i)), undefined);
  assertEquals(link.writes, []);
  await settle();
  assertEquals(link.writes, [31 * 15]);
  assertEquals(
    link.frames.map(({ payload }) => payload[0]),
    Array.from({ length: 31 }, (_, i) => i),
  );
});

Deno.test("connection: the first half of a long turn is written within it, the rest at its end", async () => {
  const { connection, link, settle } = bind(new Scene());
  for (let i = 0; i < 31; i++) connection.send(bytes(10, i));
  assertEquals(link.writes, []);
  connection.send(bytes(10, 31));
  assertEquals(link.writes, [32 * 15]);
  for (let i = 32; i < 100; i++) connection.send(bytes(10, i));
  assertEquals(link.writes, [32 * 15]);
  await settle();
  assertEquals(link.writes, [32 * 15, 68 * 15]);
  assertEquals(
    link.frames.map(({ payload }) => payload[0]),
    Array.from({ length: 100 }, (_, i) => i),
  );
  // Of the next turn, half is as many as it was in this.
  for (let i = 0; i < 100; i++) connection.send(bytes(10));
  await settle();
  assertEquals(link.writes.slice(2), [50 * 15, 50 * 15]);
});

Deno.test("connection: few messages with many bytes are written within the turn", async () => {
  const { connection, link, settle } = bind(new Scene());
  connection.send(bytes(100_000));
  assertEquals(link.writes, []);
  connection.send(bytes(40_000));
  assertEquals(link.writes.length, 1);
  for (let i = 0; i < 5; i++) connection.send(bytes(100_000));
  assertEquals(link.writes.length, 1);
  await settle();
  assertEquals(link.sizes(FrameType.message), [100_000, 40_000, ...Array(5).fill(100_000)]);
});

Deno.test("connection: a turn with a full window begins no write, and ends once for all", async () => {
  const { connection, link, settle, credit } = bind(new Scene({ window: 100 }));
  connection.send(bytes(200));
  await settle();
  for (let i = 0; i < 100; i++) connection.send(bytes(10));
  await settle();
  assertEquals(link.writes, [205]);
  credit(205);
  await settle();
  assertEquals(link.writes, [205, 1_500]);
});

Deno.test("connection: messages sent during a write wait for its end, then go out together", async () => {
  const { connection, link, settle } = bind(new Scene());
  link.flowing = false;
  connection.send(bytes(1));
  await settle();
  for (let i = 0; i < 5; i++) connection.send(bytes(1));
  await settle();
  assertEquals(link.writes, [6]);
  link.release();
  await settle();
  assertEquals(link.writes, [6, 30]);
});

Deno.test("connection: the payload is copied before send returns", async () => {
  const { connection, link, settle } = bind(new Scene());
  const payload = bytes(3, 1);
  connection.send(payload);
  payload.fill(9);
  await settle();
  assertEquals([...link.frames[0]!.payload], [1, 1, 1]);
});

Deno.test("connection: a full window stops the sender, a credit lets it go on", async () => {
  const { connection, link, settle, credit } = bind(new Scene({ window: 1_000 }));
  connection.send(bytes(1_200));
  await settle();
  connection.send(bytes(7));
  await settle();
  assertEquals(link.sizes(FrameType.message), [1_200]);
  credit(1_205);
  await settle();
  assertEquals(link.sizes(FrameType.message), [1_200, 7]);
});

Deno.test("connection: a full window does not hold back keep-alive and credit", async () => {
  const { connection, link, settle } = bind(new Scene({ window: 100 }));
  connection.send(bytes(200));
  connection.send(bytes(200));
  await settle();
  link.receive(FrameType.ping);
  link.receive(FrameType.message, bytes(60));
  await settle();
  assertEquals(link.sizes(FrameType.pong).length, 1);
  assertEquals(link.sizes(FrameType.credit).length, 1);
});

Deno.test("connection: a receiver acknowledges what it has read after a quarter of the window", async () => {
  const { link, settle, received } = bind(new Scene({ window: 4_000 }));
  link.receive(FrameType.message, bytes(900));
  await settle();
  assertEquals(link.frames, []);
  link.receive(FrameType.message, bytes(95));
  await settle();
  assertEquals(received.length, 2);
  const { type, payload } = link.frames[0]!;
  assertEquals(type, FrameType.credit);
  assertEquals(new DataView(payload.buffer).getFloat64(0), 905 + 100);
});

Deno.test("connection: a sender with a smaller window is acknowledged before its window is full", async () => {
  const { connection, limits, link, settle } = bind(new Scene({}, false));
  assert(limits.window > 4_000);
  connection.open({ ...limits, window: 4_000 });
  link.receive(FrameType.message, bytes(900));
  await settle();
  assertEquals(link.frames, []);
  link.receive(FrameType.message, bytes(95));
  await settle();
  assertEquals(link.frames.map(({ type }) => type), [FrameType.credit]);
});

for (const [isClient, most] of [[false, 524_288], [true, 262_144]] as const) {
  const who = isClient ? "client" : "node";
  Deno.test(`connection: a ${who} acknowledges ${most} bytes at once`, async () => {
    const { connection, limits, link, settle } = bind(new Scene({}, false));
    connection.open({ ...limits, isClient });
    const frames = most / 65_536;
    const message = bytes(65_536 - 5);
    for (let i = 1; i < frames; i++) link.receive(FrameType.message, message);
    await settle();
    assertEquals(link.frames, []);
    link.receive(FrameType.message, message);
    await settle();
    assertEquals(link.frames.map(({ type }) => type), [FrameType.credit]);
  });
}

Deno.test("connection: a credit goes along with an answer, in one write and before it", async () => {
  const { connection, link, settle, clock } = bind(new Scene());
  link.receive(FrameType.message, bytes(10));
  connection.send(bytes(20, 7));
  await settle();
  assertEquals(link.frames.map(({ type }) => type), [FrameType.credit, FrameType.message]);
  assertEquals(new DataView(link.frames[0]!.payload.buffer).getFloat64(0), 15);
  assertEquals(link.frames[1]!.payload, bytes(20, 7));
  assertEquals(link.writes, [13 + 25]);
  await clock.advance(1_000);
  assertEquals(link.writes.length, 1, "no other credit, as nothing else is owed");
});

Deno.test("connection: among many messages a credit is sent each 50 ms, and in time after them", async () => {
  const { connection, link, clock } = bind(new Scene());
  for (let now = 0; now < 1_000; now++) {
    link.receive(FrameType.message, bytes(10));
    connection.send(bytes(20));
    await clock.advance(1);
  }
  assertEquals(link.sizes(FrameType.credit).length, 20);
  assertEquals(link.writes.length, 1_000);
  link.receive(FrameType.message, bytes(10));
  await clock.advance(100);
  const { payload } = link.frames.findLast(({ type }) => type === FrameType.credit)!;
  assertEquals(new DataView(payload.buffer).getFloat64(0), 1_001 * 15);
});

Deno.test("connection: a large batch is not copied for a credit, which follows in time", async () => {
  const { connection, link, settle, clock } = bind(new Scene());
  link.receive(FrameType.message, bytes(10));
  connection.send(bytes(5_000));
  await settle();
  assertEquals(link.writes, [5_005]);
  await clock.advance(100);
  assertEquals(link.writes, [5_005, 13]);
});

Deno.test("connection: a credit for more than was sent, or for less than before, ends it", async () => {
  for (const credits of [[1], [16, 15], [-1], [NaN], [Infinity]]) {
    const { connection, closed, settle, credit } = bind(new Scene());
    if (credits.length > 1) connection.send(bytes(11));
    await settle();
    for (const total of credits) credit(total);
    assertEquals(closed.length, 1, `credit ${credits}`);
    assert(closed[0]!.includes("credit"), closed[0]!);
  }
});

Deno.test("connection: the bounds of the queue are kept, and free again after a write", async () => {
  const few = bind(new Scene({ maxQueuedMessages: 2 }));
  assertEquals([1, 2, 3].map((n) => few.connection.send(bytes(n))), [
    undefined,
    undefined,
    "queueFull",
  ]);
  await few.settle();
  assertEquals(few.connection.send(bytes(4)), undefined);
  await few.settle();
  assertEquals(few.link.sizes(FrameType.message), [1, 2, 4]);

  const small = bind(new Scene({ maxQueuedBytes: 100 }));
  assertEquals(small.connection.send(bytes(60)), undefined);
  assertEquals(small.connection.send(bytes(60)), "queueFull");
  assertEquals(small.connection.send(bytes(20)), undefined);
});

Deno.test("connection: a message beyond the agreed frame is refused, one that just fits is not", async () => {
  const { connection, link, settle } = bind(new Scene({}, false));
  connection.open({
    maxFrame: 1_001,
    maxMessage: 1_000,
    window: 4_096,
    maxInternedPaths: 0,
    compressAbove: 0,
  });
  assertEquals(connection.send(bytes(1_001)), "tooLarge");
  assertEquals(connection.send(bytes(1_000)), undefined);
  await settle();
  assertEquals(link.sizes(FrameType.message), [1_000]);
});

const hostile: [string, number[], RegExp][] = [
  ["garbage", [...new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n")], /maxFrame/],
  ["an oversized frame", [0x7f, 0xff, 0xff, 0xff, 4], /maxFrame/],
  ["a frame of no bytes", [0, 0, 0, 0], /0 bytes/],
  ["a frame of an unknown type", [0, 0, 0, 1, 99], /99/],
  ["a credit of a wrong length", [0, 0, 0, 2, FrameType.credit, 1], /credit/],
];

for (const [what, chunk, reason] of hostile) {
  Deno.test(`connection: ${what} ends it at once, and nothing after it is heard`, async () => {
    const { link, received, closed, settle } = bind(new Scene());
    link.onData(new Uint8Array([...chunk, 0, 0, 0, 1, FrameType.message]));
    link.receive(FrameType.message);
    await settle();
    assertEquals(closed.length, 1);
    assert(reason.test(closed[0]!), closed[0]!);
    assert(link.destroyed);
    assertEquals(received, []);
  });
}

Deno.test("connection: before the handshake no frame may be larger than a handshake's", () => {
  const { link, closed } = bind(new Scene({}, false));
  link.onData(new Uint8Array([0, 0, 0x40, 0, FrameType.hello]));
  assertEquals(closed.length, 1);
  assert(closed[0]!.includes("maxFrame 8192"), closed[0]!);
  // No remedy of Casty's own: whoever says that speaks something else, TLS or HTTP for instance.
  assert(closed[0]!.includes("does not speak Casty's protocol"), closed[0]!);
  assert(!closed[0]!.includes("raise maxFrame"), closed[0]!);
});

Deno.test("connection: an end within a frame differs from an end between two", () => {
  const cut = bind(new Scene());
  cut.link.onData(new Uint8Array([0, 0, 0, 9, FrameType.message, 1]));
  cut.link.onClose();
  assertEquals(cut.closed, ["the connection was cut in mid-frame"]);
  const ended = bind(new Scene());
  ended.link.onClose();
  assertEquals(ended.closed, ["the peer closed the connection"]);
  const broken = bind(new Scene());
  broken.link.onClose(new TransportError("connectionLost", "broke"));
  assertEquals(broken.closed, ["broke"]);
});

Deno.test("connection: silence is answered with one ping, and ends it after idleTimeout", async () => {
  const scene = new Scene({ keepAliveInterval: 1_000, idleTimeout: 2_500 });
  const { clock, link, closed } = scene;
  await clock.advance(999);
  assertEquals(link.frames, []);
  await clock.advance(1);
  assertEquals(link.sizes(FrameType.ping).length, 1);
  await clock.advance(1_499);
  assertEquals(link.sizes(FrameType.ping).length, 1);
  assertEquals(closed, []);
  await clock.advance(1);
  assertEquals(closed, ["silent for idleTimeout (2500 ms)"]);
  assert(link.destroyed);
});

Deno.test("connection: a peer that answers pings stays", async () => {
  const { clock, link, closed, connection } = new Scene({
    keepAliveInterval: 1_000,
    idleTimeout: 2_500,
  });
  for (let i = 0; i < 20; i++) {
    await clock.advance(1_000);
    link.receive(FrameType.pong);
  }
  assertEquals(closed, []);
  assert(link.sizes(FrameType.ping).length >= 9);
  connection.destroy("test over");
  assertEquals(clock.pending, 0);
});

Deno.test("connection: close sends the queue, then the reason, then ends the link", async () => {
  const { connection, link, closed, settle, credit, clock } = bind(new Scene());
  for (let i = 0; i < 3; i++) connection.send(bytes(1, i));
  connection.close("done for today");
  assertEquals(connection.send(bytes(1)), "disconnected");
  await settle();
  assertEquals(link.frames.map(({ type }) => type), [4, 4, 4, FrameType.close]);
  assertEquals(decodeRefusal(link.frames[3]!.payload).reason, "done for today");
  // The peer has still to say that it has read all.
  assertEquals([link.closed, closed], [false, []]);
  credit(18);
  await settle();
  assert(link.closed);
  assertEquals(closed, ["done for today"]);
  assertEquals(clock.pending, 0);
});

Deno.test("connection: close waits for a blocked window, but not beyond closeTimeout", async () => {
  const { connection, link, closed, settle, credit, clock } = bind(
    new Scene({ window: 100, closeTimeout: 500 }),
  );
  connection.send(bytes(200));
  await settle();
  connection.send(bytes(1));
  connection.close("bye");
  await clock.advance(499);
  assertEquals(closed, []);
  credit(205);
  await settle();
  assertEquals(link.frames.at(-1)!.type, FrameType.close);
  assertEquals(link.sizes(FrameType.message), [200, 1]);

  const stuck = bind(new Scene({ window: 100, closeTimeout: 500 }));
  stuck.connection.send(bytes(200));
  await stuck.settle();
  stuck.connection.send(bytes(1));
  stuck.connection.close("bye");
  await stuck.clock.advance(500);
  assert(stuck.link.destroyed);
  assertEquals(stuck.closed, ["bye"]);
});

Deno.test("connection: the peer's reason is handed on, after what it had sent before", () => {
  const { link, received, closed } = bind(new Scene());
  const far = new Scene();
  far.connection.close("rolling restart");
  link.receive(FrameType.message, bytes(1, 5));
  return far.settle().then(() => {
    link.receive(FrameType.close, far.link.frames[0]!.payload);
    assertEquals(received, [[FrameType.message, 5]]);
    assertEquals(closed, ["closed by the peer: rolling restart"]);
  });
});

/** Methods that can be taken apart. */
function bind(scene: Scene) {
  const { connection, limits, link, received, closed, clock } = scene;
  return {
    connection,
    limits,
    link,
    received,
    closed,
    clock,
    settle: () => scene.settle(),
    credit: (total: number) => scene.credit(total),
  };
}
