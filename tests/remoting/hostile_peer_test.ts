import { assert, assertEquals } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { Remoting } from "../../lib/remoting/remoting.ts";
import type { Link } from "../../lib/runtime/network.ts";
import { encodeHello, features, type Hello } from "../../lib/transport/connection/handshake.ts";
import { encodeEnvelope } from "../../lib/wire/envelope.ts";
import { chunkedSize, writeChunks } from "../../lib/wire/chunks.ts";
import { FrameType } from "../../lib/wire/frame.ts";
import { FrameWriter } from "../../lib/wire/frame_writer.ts";
import { emptyBlocks } from "../wire/deflated.ts";
import { newCodec } from "../wire/values.ts";
import { SimulatedHosts } from "../simulated_hosts.ts";

const codec = newCodec();

const attacker: Hello = {
  protocolMin: 1,
  protocolMax: 1,
  systemName: "shop",
  role: "client",
  nodeId: "evil",
  address: "client:evil",
  incarnation: 9,
  lane: "user",
  maxFrame: 1_048_576,
  window: 1_048_576,
  features: Object.values(features),
  maxMessage: 16_777_216,
  maxInternedPaths: 256,
};

type Frame = readonly [type: number, payload: Uint8Array];

const message = (
  path: string,
  value: unknown,
): Frame => [FrameType.message, encodeEnvelope(codec, path, 0, value).slice()];

function framesOf(all: readonly Frame[]): Uint8Array {
  const writer = new FrameWriter(2 ** 30);
  for (const [type, payload] of all) writer.append(type, payload);
  return writer.take().slice();
}

/** A node under attack. */
class Target extends SimulatedHosts implements AsyncDisposable {
  /** `"<level> <text>"`. */
  readonly log: string[] = [];
  system!: ActorSystem;
  remoting!: Remoting;

  static async start(host = "a"): Promise<Target> {
    const target = new Target();
    const { clock } = target;
    const runtime = target.runtime("a", {
      log: (level, _, text) => void target.log.push(`${level} ${text}`),
    });
    target.system = new ActorSystem({ runtime });
    target.remoting = await clock.resolve(Remoting.start(target.system, {
      runtime,
      systemName: "shop",
      role: "node",
      nodeId: "a",
      incarnation: 1,
      host,
      port: 1,
    }));
    return target;
  }

  /** Connects as `hello` says, and sends. */
  async attack(
    hello: Partial<Hello>,
    ...frames: Frame[]
  ): Promise<Link & { over: boolean }> {
    const link = await this.clock.resolve(
      this.network.host("evil").dial({ host: "a", port: 1, serverName: "a", timeout: 1_000 }),
    );
    const raw = Object.assign(link, { over: false });
    raw.onClose = () => raw.over = true;
    raw.write(
      framesOf([[FrameType.hello, encodeHello({ ...attacker, ...hello })]]),
      () => {},
    );
    await this.clock.advance(100);
    raw.write(framesOf(frames), () => {});
    await this.clock.advance(100);
    return raw;
  }

  linesOf(text: string): number {
    return this.log.filter((line) => line.includes(text)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clock.resolve(this.remoting.close());
    await this.clock.resolve(this.system.shutdown());
  }
}

for (
  const [path, said] of [["/_watch", "watch message"], ["/_askfailed", "lost ask"], [
    "/_askaborted",
    "aborted ask",
  ]]
) {
  Deno.test(`hostile: nonsense at ${path} is logged once, not for each message`, async () => {
    await using target = await Target.start();
    const link = await target.attack({}, ...new Array<Frame>(1_000).fill(message(path!, 7)));
    assertEquals(target.linesOf(said!), 1, target.log.join("\n"));
    assert(!link.over);
  });
}

Deno.test("a node without TLS on an address that others reach logs a warning", async () => {
  const warning = "warn without TLS every peer that reaches the port can join";
  await using open = await Target.start("a");
  await using local = await Target.start("127.0.0.1");
  assertEquals([open.linesOf(warning), local.linesOf(warning)], [1, 0]);
});

Deno.test("hostile: nonsense of a node about rejections is logged once", async () => {
  await using target = await Target.start();
  const hello = { role: "node", address: "evil:1" } as const;
  await target.attack(hello, ...new Array<Frame>(1_000).fill(message("/_rejected", 7)));
  assertEquals(target.linesOf("report of rejections"), 1, target.log.join("\n"));
});

Deno.test("hostile: a message that cannot be read ends the connection at once, and is logged once", async () => {
  await using target = await Target.start();
  const heard: unknown[] = [];
  target.system.spawn(
    Behaviors.receive((_context, value) => {
      heard.push(value);
      return Behaviors.same();
    }),
    "actor",
  );
  const nonsense: Frame = [FrameType.message, Uint8Array.of(9, 9, 9, 9)];
  const hello = { role: "node", address: "evil:1" } as const;
  const link = await target.attack(
    hello,
    message("/actor", "before"),
    ...new Array<Frame>(1_000).fill(nonsense),
    message("/actor", "after"),
  );
  assert(link.over);
  assertEquals(target.linesOf("cannot be decoded"), 1, target.log.join("\n"));
  assertEquals(heard, ["before"]);
});

Deno.test("hostile: a peer that does not read cannot stay by sending nonsense", async () => {
  await using target = await Target.start();
  const link = await target.attack({ window: 1 });
  const to = target.remoting.refTo({ node: "client:evil", path: "/x", uid: 0 });
  for (let i = 0; i < 10; i++) to.tell(new Uint8Array(100_000));
  await target.clock.advance(10);
  link.write(framesOf([[FrameType.message, Uint8Array.of(9)]]), () => {});
  await target.clock.advance(100);
  assert(link.over, "closeTimeout has to pass first");
});

Deno.test("hostile: a peer that grants unlimited credit still has to acknowledge", async () => {
  await using target = await Target.start();
  await target.attack({ window: Number.MAX_SAFE_INTEGER });
  const lost: string[] = [];
  target.system.eventStream.subscribe("deadLetter", ({ reason }) => void lost.push(reason));
  const to = target.remoting.refTo({ node: "client:evil", path: "/x", uid: 0 });
  const payload = new Uint8Array(1_000_000);
  for (let i = 0; i < 60; i++) {
    to.tell(payload);
    await target.clock.advance(1);
  }
  const { window, maxQueuedBytes } = target.remoting.endpoint.limits;
  const held = 60 - lost.length;
  assert(held <= (window + maxQueuedBytes) / payload.length + 2, `${held} MB are held`);
  assertEquals(new Set(lost), new Set(["queueFull"]));
});

Deno.test("hostile: references to clients that are not connected take no memory", async () => {
  await using target = await Target.start();
  const local = target.system.spawn(Behaviors.receive(() => Behaviors.same()), "local");
  target.remoting.refTo({ node: "client:later", path: "/x", uid: 0 }).tell({ local });
  // Had it been granted, the client that comes later could use it.
  const lost: string[] = [];
  target.system.eventStream.subscribe(
    "deadLetter",
    ({ reason, target: to }) => void lost.push(`${reason} ${to}`),
  );
  await target.attack({ address: "client:later" }, message("/local", 1));
  assertEquals(lost, ["unauthorized /local"]);
});

for (const role of ["client", "node"] as const) {
  Deno.test(`hostile: what a ${role} leaves unread is decoded in turns, and reported in order`, async () => {
    await using target = await Target.start();
    const { clock, system } = target;
    const node = role === "client" ? "client:evil" : "evil:1";
    const link = await target.attack({ window: 1, role, address: node });
    const to = target.remoting.refTo({ node, path: "/x", uid: 0 });
    const large = Array.from({ length: 200_000 }, () => 1);
    for (let i = 0; i < 20; i++) to.tell([i, large]);
    await clock.advance(1);
    let turn = 0;
    const { yield: original } = clock;
    clock.yield = (run) => original.call(clock, () => (turn++, run()));
    const lost: [turn: number, message: number][] = [];
    system.eventStream.subscribe("deadLetter", ({ message, reason }) => {
      assertEquals(reason, "disconnected");
      lost.push([turn, (message as [number])[0]]);
    });
    link.destroy();
    await clock.advance(100);
    assertEquals(lost.map(([, message]) => message), Array.from({ length: 20 }, (_, i) => i));
    const most = Math.max(...lost.map(([at]) => lost.filter(([other]) => other === at).length));
    assertEquals(most, 1, "messages of 200,000 values in one turn");
    assert(turn >= 20 * 10, `${turn} turns`);
  });
}

Deno.test("hostile: large messages leave no memory to the garbage collection, whatever becomes of them", async () => {
  await using target = await Target.start();
  let received = 0;
  const echo = Behaviors.receive<{ text: string }>((_context, { text }) => {
    received += text.length;
    // It is lost, since the client reads nothing.
    answer.tell({ text });
    return Behaviors.same();
  });
  const answer = target.remoting.refTo({ node: "client:evil", path: "/x", uid: 0 });
  target.system.spawn(echo, "echo");
  target.remoting.exportWhere((path) => path === "/echo");
  const size = 4_000_000;
  const payload = encodeEnvelope(codec, "/echo", 0, { text: "x".repeat(size) }).slice();
  const chunks = new Uint8Array(chunkedSize(payload.length, 200_000));
  writeChunks(chunks, 0, FrameType.message, payload, 200_000);
  const link = await target.attack({ window: 1 });
  const before = Deno.memoryUsage().external;
  let most = 0;
  for (let i = 0; i < 15; i++) {
    for (let at = 0; at < chunks.length; at += 262_144) {
      await target.clock.resolve(
        new Promise<void>((resolve) => link.write(chunks.subarray(at, at + 262_144), resolve)),
      );
    }
    await target.clock.advance(100);
    most = Math.max(most, Deno.memoryUsage().external - before);
  }
  assertEquals(received, 15 * size);
  // 32 MiB wait for the client, one message is under way.
  assert(most < 33_554_432 + 6 * size, `${most} bytes`);
});

/** Writes a message in chunks, as fast as the link takes them. */
async function writeLarge(
  target: Target,
  link: Link,
  payload: Uint8Array,
  type: number = FrameType.message,
) {
  const chunks = new Uint8Array(chunkedSize(payload.length, 200_000));
  writeChunks(chunks, 0, type, payload, 200_000);
  for (let at = 0; at < chunks.length; at += 262_144) {
    await target.clock.resolve(
      new Promise<void>((resolve) => link.write(chunks.subarray(at, at + 262_144), resolve)),
    );
  }
}

function compressedOf(size: number, deflated: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + deflated.length);
  new DataView(bytes.buffer).setUint32(0, size);
  bytes.set(deflated, 4);
  return bytes;
}

const largest = 16_700_000;
const lists = (each: () => unknown) =>
  Array.from({ length: 4 }, () => Array.from({ length: 1_000_000 }, each));
/** What the default limits accept, and in how many turns of 16,384 values it is read at least. */
const largeMessages: Record<string, { readonly turns: number; readonly make: () => unknown }> = {
  "4 million numbers": { turns: 244, make: () => lists(() => 1) },
  "a text of ASCII": { turns: 4, make: () => "x".repeat(largest) },
  "a text of other characters": { turns: 7, make: () => "ż".repeat(largest / 2) },
  "a binary": { turns: 6, make: () => new Uint8Array(largest) },
  "a bigint": { turns: 90, make: () => -(1n << 100_000_000n) },
};

for (const [what, { turns: least, make }] of Object.entries(largeMessages)) {
  Deno.test(`hostile: ${what} in a message of up to 16 MiB is read in at least ${least} turns`, async () => {
    await using target = await Target.start();
    const received: unknown[] = [];
    const sink = Behaviors.receive<unknown>((_context, message) => {
      received.push(message);
      return Behaviors.same();
    });
    target.system.spawn(sink, "sink");
    target.remoting.exportWhere((path) => path === "/sink");
    const payload = encodeEnvelope(codec, "/sink", 0, make()).slice();
    const link = await target.attack({});
    const { turns, longest } = turnsOf(target);
    await writeLarge(target, link, payload);
    await target.clock.runUntil(() => received.length > 0);
    assert(turns() >= least, `${turns()} turns`);
    // All of it takes longer than that, on any machine that is not much faster than the usual ones.
    assert(longest() < 250, `${longest()} ms`);
    assert(!link.over);
  });
}

Deno.test("hostile: deflated blocks that hold nothing are inflated in turns, until it is too much", async () => {
  await using target = await Target.start();
  const blocks = emptyBlocks(900_000);
  const link = await target.attack({});
  const { turns, longest } = turnsOf(target);
  await writeLarge(target, link, compressedOf(1_000_000, blocks), FrameType.compressed);
  await target.clock.runUntil(() => link.over, 60_000);
  // 75,000 blocks with tables.
  assert(turns() > 50, `${turns()} turns`);
  assert(longest() < 250, `${longest()} ms`);
  assertEquals(target.linesOf("connection rejected") + target.linesOf("unreadable frame"), 1);
});

/** Counts the turns that the target takes from now on, and how long the longest is, in milliseconds. */
function turnsOf({ clock }: Target) {
  let turns = 0;
  let longest = 0;
  const { yield: original } = clock;
  clock.yield = (run) =>
    original.call(clock, () => {
      turns++;
      const from = performance.now();
      run();
      longest = Math.max(longest, performance.now() - from);
    });
  return { turns: () => turns, longest: () => longest };
}
