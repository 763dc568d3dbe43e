import { assert, assertEquals } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import type { ActorRef, Ref } from "../../lib/actor/ref/ref.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { PassedMessage } from "../../lib/remoting/passed_message.ts";
import { Remoting } from "../../lib/remoting/remoting.ts";
import type { Link } from "../../lib/runtime/network.ts";
import { relayPath } from "../../lib/remoting/relay.ts";
import type { TransportLimits } from "../../lib/transport/base/limits.ts";
import { encodeHello, type Hello } from "../../lib/transport/connection/handshake.ts";
import { Encoder } from "../../lib/wire/encoder.ts";
import { encodeEnvelope } from "../../lib/wire/envelope.ts";
import { chunkedSize, writeChunks } from "../../lib/wire/chunks.ts";
import { FrameType } from "../../lib/wire/frame.ts";
import { emptyBlocks } from "../wire/deflated.ts";
import { newCodec } from "../wire/values.ts";
import { SimulatedHosts } from "../simulated_hosts.ts";
import {
  type HostileFrame as Frame,
  hostileFrames,
  hostileHello,
} from "../transport/hostile_frames.ts";

const codec = newCodec();

const message = (
  path: string,
  value: unknown,
): Frame => [FrameType.message, encodeEnvelope(codec, path, 0, value).slice()];

/** A node under attack. */
class Target extends SimulatedHosts implements AsyncDisposable {
  /** `"<level> <text>"`. */
  readonly log: string[] = [];
  system!: ActorSystem;
  remoting!: Remoting;

  static async start(host = "a", limits: Partial<TransportLimits> = {}): Promise<Target> {
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
      limits,
    }));
    return target;
  }

  /** A client that is connected, with a system of its own. */
  async client(address: string): Promise<Remoting> {
    const runtime = this.runtime("client-host");
    const system = new ActorSystem({ runtime });
    const facts = { systemName: "shop", nodeId: address, incarnation: 1, address };
    const client = await this.clock.resolve(
      Remoting.start(system, { runtime, role: "client", ...facts }),
    );
    client.send("a:1", "/_nothing", 0, 0);
    await this.clock.runUntil(() => this.remoting.endpoint.isConnected(address));
    return client;
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
      hostileFrames([FrameType.hello, encodeHello({ ...hostileHello, ...hello })]),
      () => {},
    );
    await this.clock.advance(100);
    raw.write(hostileFrames(...frames), () => {});
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

Deno.test("hostile: a client answers no ask that it was not given, in whatever form it names the reply", async () => {
  await using target = await Target.start();
  const { system } = target;
  const given = Promise.withResolvers<{ path: string; uid: number }>();
  const silent = system.spawn(
    Behaviors.receive<{ replyTo: ActorRef<string> }>((_context, { replyTo }) => {
      const { path, uid } = replyTo as Ref<string>;
      given.resolve({ path, uid });
      return Behaviors.same();
    }),
    "silent",
  );
  let answer: unknown;
  const asked = system.ask<{ replyTo: ActorRef<string> }, string>(
    silent,
    (replyTo) => ({ replyTo }),
  ).then((value) => answer = value, () => {});
  const { path, uid } = await target.clock.resolve(given.promise);
  const refused: string[] = [];
  system.eventStream.subscribe(
    "deadLetter",
    ({ reason, target }) => void refused.push(`${reason} ${target}`),
  );
  const reply = (to: string, number: number): Frame => [
    FrameType.message,
    encodeEnvelope(codec, to, number, "forged").slice(),
  ];
  const short = path.slice(0, -String(uid).length);
  await target.attack({}, reply(path, uid), reply(path, 0), reply(short, uid), reply(short, 0));
  assertEquals(answer, undefined);
  assertEquals(refused, [path, path, path, `${short}0`].map((to) => `unauthorized ${to}`));
  // A member is trusted: the owner of an entity may answer what another one was asked.
  const member = { role: "node", nodeId: "m", address: "m:1" } as const;
  await target.attack(member, reply(path, uid + 1), reply(short, uid + 1), reply(short, 0));
  assertEquals(answer, undefined);
  await target.attack({ ...member, incarnation: 10 }, reply(path, uid));
  await asked;
  assertEquals(answer, "forged");
});

Deno.test("hostile: a peer that does not read cannot stay by sending nonsense", async () => {
  await using target = await Target.start();
  const link = await target.attack({ window: 1 });
  const to = target.remoting.refTo({ node: "client:evil", path: "/x", uid: 0 });
  for (let i = 0; i < 10; i++) to.tell(new Uint8Array(100_000));
  await target.clock.advance(10);
  link.write(hostileFrames([FrameType.message, Uint8Array.of(9)]), () => {});
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
    const turns = turnsOf(target);
    await writeLarge(target, link, payload);
    await target.clock.runUntil(() => received.length > 0);
    assert(turns() >= least, `${turns()} turns`);
    assert(!link.over);
  });
}

const objects: Record<string, () => unknown> = {
  ...Object.fromEntries(Object.entries(largeMessages).map(([what, { make }]) => [what, make])),
  "a million empty objects": () => lists(() => ({})).slice(3),
};

for (const [what, make] of Object.entries(objects)) {
  Deno.test(`hostile: ${what} in a message that a node passes on: copied in turns, and not encoded again`, async () => {
    await using target = await Target.start();
    const { clock, remoting } = target;
    // As a node returns what is not for its shards, and as it forwards it.
    remoting.handlePeers("/_pass", (peer, value) => {
      const [entityId, message] = value as [string, unknown];
      remoting.send(peer.address, "/_back", 0, { type: "returned", entityId, message });
    });
    const client = await target.client("client:large");
    const back: unknown[] = [];
    client.handlePeers("/_back", (_peer, value) => void back.push(value));
    const sent = make();
    const turns = turnsOf(target);
    const steps = stepsOf(target);
    for (let round = 1; round <= 2; round++) {
      client.send("a:1", "/_pass", 0, ["e1", sent, 3]);
      client.send("a:1", "/_pass", 0, ["e1", "behind it", 3]);
      await clock.runUntil(() => back.length === 2 * round, 60_000);
    }
    const { encoded, passed } = steps();
    const size = codec.encode(sent).length;
    assert(encoded < 1_000, `${encoded} bytes are encoded in a turn`);
    assert(passed >= 2 * (size / 1_048_576 - 1), `${passed} turns to copy ${size} bytes twice`);
    assert(turns() > passed);
    const bodies = back.map((value) => (value as { message: unknown }).message);
    assertEquals(bodies.slice(1).filter((_, at) => at % 2 === 0), Array(2).fill("behind it"));
    assertEquals(codec.encode(bodies[0]), codec.encode(sent));
    await clock.resolve(client.close());
  });
}

Deno.test("hostile: deflated blocks that hold nothing are inflated in turns, until it is too much", async () => {
  await using target = await Target.start();
  const blocks = emptyBlocks(900_000);
  const link = await target.attack({});
  const turns = turnsOf(target);
  await writeLarge(target, link, compressedOf(1_000_000, blocks), FrameType.compressed);
  await target.clock.runUntil(() => link.over, 60_000);
  // 75,000 blocks with tables.
  assert(turns() > 50, `${turns()} turns`);
  assertEquals(target.linesOf("connection rejected") + target.linesOf("unreadable frame"), 1);
});

/** Counts the turns that the target takes from now on. */
function turnsOf({ clock }: Target): () => number {
  let turns = 0;
  const { yield: original } = clock;
  clock.yield = (run) => original.call(clock, () => (turns++, run()));
  return () => turns;
}

/**
 * From now on: the most bytes that are encoded in a turn, and the turns in which a message is passed
 * on; the result ends it.
 */
function stepsOf({ clock }: Target): () => { encoded: number; passed: number } {
  const [{ encode }, { step }, { yield: original }] = [
    Encoder.prototype,
    PassedMessage.prototype,
    clock,
  ];
  let [encoded, passed, inTurn] = [0, 0, false];
  clock.yield = (run) =>
    original.call(clock, () => {
      inTurn = true;
      run();
      inTurn = false;
    });
  Encoder.prototype.encode = function (...given) {
    const bytes = encode.apply(this, given);
    if (inTurn) encoded = Math.max(encoded, bytes.length);
    return bytes;
  };
  PassedMessage.prototype.step = function () {
    passed++;
    return step.apply(this);
  };
  return () => {
    clock.yield = original;
    Encoder.prototype.encode = encode;
    PassedMessage.prototype.step = step;
    return { encoded, passed };
  };
}

for (
  const [how, more] of [
    ["", []],
    // Its own values are so many that it takes several steps.
    [" in a message of several steps", new Array(20_000).fill(1)],
  ] as const
) {
  Deno.test(`hostile: values of messages that a client has forwarded to its contact itself${how} count`, async () => {
    const maxValueRate = 20_000;
    const messages = 40;
    await using target = await Target.start("a", { maxValueRate });
    const { clock, remoting } = target;
    let read = 0;
    remoting.handlePeers("/_numbers", (_peer, it) => void (read += (it as number[]).length));
    const client = await target.client("client:x");
    // So short that it is read at once.
    const numbers = new Array(3_000).fill(1);
    const envelope = encodeEnvelope(codec, "/_numbers", 0, numbers).slice();
    const begin = clock.now();
    for (let sent = 0; sent < messages; sent++) {
      client.send("a:1", relayPath, 0, { to: "a:1", envelope, more });
    }
    await clock.runUntil(() => read === messages * numbers.length, 600_000);
    const seconds = (clock.now() - begin) / 1_000;
    // The budget of a second is there at first, and what the last one costs is owed afterwards.
    const least = (messages - 1) * (numbers.length + more.length) / maxValueRate - 1;
    assert(seconds >= least, `${read} values in ${seconds} s, not ${least}`);
  });
}
