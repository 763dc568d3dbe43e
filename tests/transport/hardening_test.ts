import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { Connection } from "../../lib/transport/connection/connection.ts";
import { encodeHello, type Hello } from "../../lib/transport/connection/handshake.ts";
import { transportLimits } from "../../lib/transport/base/limits.ts";
import type { Network } from "../../lib/runtime/network.ts";
import { FrameType } from "../../lib/wire/frame.ts";
import { FrameWriter } from "../../lib/wire/frame_writer.ts";
import { World } from "./endpoints.ts";
import { FakeLink } from "./fake_link.ts";

function frame(type: number, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  const writer = new FrameWriter();
  writer.append(type, payload);
  return writer.take();
}

const client: Hello = {
  protocolMin: 1,
  protocolMax: 1,
  systemName: "shop",
  role: "client",
  nodeId: "c1",
  address: "client:c1",
  incarnation: 9,
  lane: "user",
  maxFrame: 10_000,
  window: 10_000,
  features: [],
};

function scene(limits = {}) {
  const clock = new ManualClock();
  const link = new FakeLink();
  const events: string[] = [];
  const all = transportLimits(limits);
  const connection = new Connection(link, clock, all, {
    onFrame: () => void events.push("frame"),
    onMessage: () => void events.push("message"),
    onClosed: () => void events.push("closed"),
    onSignOfLife: () => void events.push("life"),
    onUnsent: () => void events.push("unsent"),
  });
  connection.open(all);
  return { clock, link, events, connection };
}

Deno.test("transport: what a connection has queued when it breaks is reported, not lost", async () => {
  await using world = new World();
  const a = await world.start("a");
  const b = await world.start("b");
  a.send("b:25520", "one");
  await world.clock.runUntil(() => b.heard.length === 1);
  // Until b has told what it has read.
  await world.clock.advance(200);
  world.network.partition("a", "b");
  a.send("b:25520", "under way");
  await world.clock.advance(0);
  for (let i = 0; i < 5; i++) a.send("b:25520", `m${i}`);
  await world.clock.runUntil(() => a.events.length === 2);
  // What was written and not acknowledged may have been read; nobody can tell.
  const lost = ["under way", "m0", "m1", "m2", "m3", "m4"];
  assertEquals(a.dropped, lost.map((text) => `b:25520 disconnected ${text}`));
});

Deno.test("transport: what the window holds back when the peer closes is reported", async () => {
  const { clock, link, events, connection } = scene({ window: 10 });
  connection.send(new Uint8Array(100));
  await clock.advance(0);
  for (let i = 0; i < 3; i++) connection.send(new Uint8Array(4));
  link.onClose();
  assertEquals(events.filter((event) => event === "unsent").length, 4);
});

Deno.test("transport: a burst does not exceed the window by more than one write", async () => {
  const { clock, link, connection } = scene({ window: 100_000 });
  for (let i = 0; i < 5_000; i++) connection.send(new Uint8Array(1_000));
  await clock.advance(0);
  const sent = link.sizes(FrameType.message).length * 1_005;
  connection.destroy("over");
  assert(sent <= 100_000 + 70_000, `${sent} bytes without any credit`);
});

Deno.test("transport: a peer that pings and does not read costs no memory", async () => {
  const { clock, link, connection } = scene();
  link.flowing = false;
  connection.send(new Uint8Array(1));
  await clock.advance(0);
  for (let i = 0; i < 10_000; i++) link.receive(FrameType.ping);
  link.flowing = true;
  link.release();
  await clock.advance(0);
  const pongs = link.sizes(FrameType.pong).length;
  connection.destroy("over");
  assert(pongs <= 1, `${pongs} pongs`);
});

Deno.test("transport: no sign of life after the end", () => {
  const { link, events } = scene();
  link.receive(FrameType.close, new Uint8Array(0));
  assertEquals(events.at(-1), "closed");
});

Deno.test("transport: a refused peer cannot try again on the same connection", async () => {
  await using world = new World();
  const a = await world.start("a");
  const link = await world.dial("x", "a");
  const bad = frame(FrameType.hello, encodeHello({ ...client, systemName: "bank" }));
  const good = frame(FrameType.hello, encodeHello(client));
  link.write(new Uint8Array([...bad, ...good]), () => {});
  await world.clock.advance(5_000);
  assertEquals(a.events, []);
});

Deno.test("transport: another certificate cannot take over a connected client's address", async () => {
  const facts = { hosts: [], fingerprint: "00", notAfter: 0 };
  await using world = new World();
  const a = await world.start("a");
  const good = await world.start("c1", {
    role: "client",
    identity: { kind: "client", name: "alice", ...facts },
  });
  good.send("a:25520", "hello");
  await world.clock.runUntil(() => a.heard.length === 1);
  world.network.host("evil", { identity: { kind: "client", name: "mallory", ...facts } });
  const link = await world.dial("evil", "a");
  link.write(frame(FrameType.hello, encodeHello(client)), () => {});
  await world.clock.advance(1_000);
  a.send("client:c1", "secret");
  await world.clock.advance(1_000);
  assertEquals(good.texts, ["secret"]);
});

Deno.test("transport: a closing connection whose last write is stuck is destroyed", async () => {
  const { clock, link, connection } = scene({ closeTimeout: 500 });
  link.flowing = false;
  connection.close("bye");
  await clock.advance(1_000);
  assert(link.destroyed || link.closed);
});

Deno.test("transport: when the dialler declines the welcome, the acceptor hears why", async () => {
  await using world = new World();
  const a = await world.start("a");
  const link = await world.dial("x", "a");
  link.write(frame(FrameType.hello, encodeHello(client)), () => {});
  await world.clock.runUntil(() => a.events.length === 1);
  const { encodeRefusal } = await import("../../lib/transport/connection/handshake.ts");
  const refusal = encodeRefusal({ code: "address", reason: "wrong host" });
  link.write(frame(FrameType.refuse, refusal), () => {});
  await world.clock.advance(1_000);
  assert(a.events.at(-1)!.includes("wrong host"), a.events.join());
});

Deno.test("transport: a malformed hello is answered with a refusal", async () => {
  await using world = new World();
  await world.start("a");
  const link = await world.dial("x", "a");
  const types: number[] = [];
  link.onData = (chunk) => void types.push(chunk[4]!);
  link.write(frame(FrameType.hello, new Uint8Array(3)), () => {});
  await world.clock.advance(1_000);
  assertEquals(types[0], FrameType.refuse);
});

Deno.test("transport: a lost race of two dials is no warning", async () => {
  for (let seed = 0; seed < 20; seed++) {
    await using world = new World(seed);
    const a = await world.start("a");
    const b = await world.start("b");
    a.send("b:25520", "x");
    b.send("a:25520", "y");
    await world.clock.advance(100);
    assertEquals([a.refusals, b.refusals], [[], []]);
  }
});

Deno.test("transport: no peer is admitted before the proof of the listener", async () => {
  await using world = new World();
  const host = world.network.host("a");
  const types: number[] = [];
  const slow: Network = {
    dial: (options) => host.dial(options),
    listen: async (options) => {
      const listener = await host.listen(options);
      const early = world.network.host("x").dial({
        host: "a",
        port: 25_520,
        serverName: "a",
        timeout: 1_000,
      });
      early.then((link) => {
        link.onData = (chunk) => void types.push(chunk[4]!);
        link.write(frame(FrameType.hello, encodeHello(client)), () => {});
      }, () => {});
      await new Promise<void>((resolve) => void world.clock.schedule(500, resolve));
      return listener;
    },
  };
  const a = await world.start("a", { network: slow });
  assertEquals([types, a.events], [[], []]);
});

Deno.test("transport: a client's address stays its own when it has lost its connection", async () => {
  const facts = { hosts: [], fingerprint: "00", notAfter: 0 };
  const alice = { kind: "client", name: "alice", ...facts } as const;
  await using world = new World();
  const a = await world.start("a");
  const first = await world.start("c1", { role: "client", identity: alice });
  first.send("a:25520", "hello");
  await world.clock.runUntil(() => a.heard.length === 1);
  await world.clock.resolve(first.endpoint.close());
  const thief = await world.start("c1-thief", {
    role: "client",
    address: "client:c1",
    incarnation: 9,
    identity: { ...alice, name: "mallory" },
  });
  thief.send("a:25520", "hello");
  await world.clock.runUntil(() => thief.unreachable.length > 0);
  a.send("client:c1", "secret");
  const again = await world.start("c1-again", {
    role: "client",
    address: "client:c1",
    incarnation: 2,
    identity: alice,
  });
  again.send("a:25520", "back");
  await world.clock.runUntil(() => a.heard.length === 2);
  a.send("client:c1", "secret");
  await world.clock.runUntil(() => again.texts.length === 1);
  assertEquals(thief.texts, []);
  assertEquals(a.dropped, ["client:c1 disconnected secret"]);
});
