import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { PeerIdentity } from "../../lib/runtime/network.ts";
import { FrameType } from "../../lib/wire/frame.ts";
import { FrameWriter } from "../../lib/wire/frame_writer.ts";
import {
  encodeHello,
  encodeRefusal,
  type Hello,
} from "../../lib/transport/connection/handshake.ts";
import type { DialFailure } from "../../lib/transport/endpoint/dial_failure.ts";
import { World } from "./endpoints.ts";

const texts = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

Deno.test("endpoint: a message dials, arrives on its lane, and is answered over the same link", async () => {
  await using world = new World();
  const a = await world.start("a");
  const b = await world.start("b");
  a.send("b:25520", "hello");
  a.send("b:25520", "beat", "control");
  await world.clock.runUntil(() => b.heard.length === 2);
  assertEquals(b.heard.toSorted(), ["a:25520 control beat", "a:25520 user hello"]);
  b.send("a:25520", "back");
  await world.clock.runUntil(() => a.heard.length === 1);
  assertEquals(a.heard, ["b:25520 user back"]);
  assertEquals(b.events.toSorted(), ["up a:25520 control", "up a:25520 user"]);
  assertEquals(a.dropped, []);
});

Deno.test("endpoint: order is kept per lane, before, while and after the dial", async () => {
  await using world = new World(3);
  const a = await world.start("a");
  const b = await world.start("b");
  const expected = texts("m", 300);
  for (const [index, text] of expected.entries()) {
    a.send("b:25520", text);
    if (index % 20 === 0) await world.clock.advance(1);
  }
  await world.clock.runUntil(() => b.heard.length === 300);
  assertEquals(b.texts, expected);
});

Deno.test("endpoint: a foreign system is refused with a reason on both sides", async () => {
  await using world = new World();
  const a = await world.start("a", { systemName: "bank" });
  const b = await world.start("b");
  a.send("b:25520", "let me in");
  await world.clock.runUntil(() => a.dropped.length === 1 && b.refusals.length === 1);
  assertEquals(a.dropped, ["b:25520 disconnected let me in"]);
  // Each from its own view.
  assert(/it belongs to .*"shop", and this node to "bank"/.test(a.unreachable[0]!));
  assert(/^warn connection rejected .*"bank".*"shop"/.test(b.refusals[0]!), b.refusals[0]!);
  assertEquals(b.heard, []);
  assertEquals(b.events, []);
});

Deno.test("endpoint: certificates decide: a client's is no node's, a host must be covered", async () => {
  const facts = { fingerprint: "00", notAfter: 0 };
  const cases: [PeerIdentity, RegExp][] = [
    [{ kind: "client", name: "c", hosts: ["a"], ...facts }, /that of a client/],
    [{ kind: "node", name: "n", hosts: ["elsewhere"], ...facts }, /does not cover/],
  ];
  for (const [identity, reason] of cases) {
    await using world = new World();
    const a = await world.start("a", { identity });
    const b = await world.start("b");
    a.send("b:25520", "let me in");
    await world.clock.runUntil(() => a.dropped.length === 1 && b.refusals.length === 1);
    assert(reason.test(b.refusals[0]!), b.refusals[0]!);
    assert(reason.test(a.unreachable[0]!), a.unreachable[0]!);
    assertEquals([b.heard, b.events], [[], []]);
  }
});

Deno.test("endpoint: plain traffic beyond loopback is warned of once, at start", async () => {
  await using world = new World();
  const a = await world.start("a");
  const local = await world.start("b", { bindHost: "127.0.0.1" });
  assertEquals(a.log.filter((line) => line.startsWith("warn without TLS")).length, 1);
  assertEquals(local.log, []);
});

Deno.test("endpoint: a client speaks with a node both ways over its one connection", async () => {
  await using world = new World();
  const node = await world.start("a");
  const client = await world.start("c1", { role: "client" });
  client.send("a:25520", "question", "control");
  await world.clock.runUntil(() => node.heard.length === 1);
  node.send("client:c1", "answer", "control");
  node.send("client:c1", "more");
  await world.clock.runUntil(() => client.heard.length === 2);
  assertEquals(node.heard, ["client:c1 user question"]);
  assertEquals(client.heard, ["a:25520 user answer", "a:25520 user more"]);
  assertEquals(node.endpoint.peers().map(({ role, address }) => `${role} ${address}`), [
    "client client:c1",
  ]);
});

Deno.test("endpoint: a client that is not connected cannot be dialled", async () => {
  await using world = new World();
  const a = await world.start("a");
  a.send("client:nobody", "hello");
  assertEquals(a.dropped, ["client:nobody disconnected hello"]);
});

Deno.test("endpoint: a silent peer is cut at the handshake's deadline, and it is logged", async () => {
  await using world = new World(1, { min: 0, max: 0 });
  const a = await world.start("a", { limits: { handshakeTimeout: 700 } });
  const link = await world.dial("x", "a");
  let ended = 0;
  link.onClose = () => ended = world.clock.now();
  const from = world.clock.now();
  await world.clock.runUntil(() => ended > 0);
  assertEquals(ended - from, 700);
  assert(/handshakeTimeout \(700 ms\)/.test(a.refusals.join()), a.refusals.join());
});

Deno.test("endpoint: garbage, a message before the hello, or half a hello is never delivered", async () => {
  const frame = (type: number, payload: Uint8Array) => {
    const writer = new FrameWriter();
    writer.append(type, payload);
    return writer.take();
  };
  const chunks = [
    new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    frame(FrameType.message, new Uint8Array(10)),
    frame(FrameType.hello, new Uint8Array(10)),
    frame(FrameType.welcome, new Uint8Array(10)),
    new Uint8Array(4),
    new Uint8Array([0xff, 0xff, 0xff, 0xff]),
  ];
  await using world = new World();
  const a = await world.start("a");
  const b = await world.start("b");
  for (const chunk of chunks) {
    const link = await world.dial("x", "a");
    let ended = false;
    link.onClose = () => ended = true;
    link.write(chunk, () => {});
    await world.clock.runUntil(() => ended, 1_000);
  }
  assertEquals([a.heard, a.events], [[], []]);
  assert(a.refusals.length > 0);
  b.send("a:25520", "still there?");
  await world.clock.runUntil(() => a.heard.length === 1);
});

Deno.test("endpoint: one host's same fault is logged once, not each time", async () => {
  await using world = new World();
  const a = await world.start("a");
  for (let i = 0; i < 20; i++) {
    const link = await world.dial("x", "a");
    let ended = false;
    link.onClose = () => ended = true;
    link.write(new Uint8Array(4), () => {});
    await world.clock.runUntil(() => ended, 1_000);
  }
  assertEquals(a.refusals.length, 1);
});

Deno.test("endpoint: two that dial each other at once keep one link and lose nothing", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.nat(12), fc.nat(20), async (seed, delay, spread) => {
      await using world = new World(seed, { min: 1, max: 1 + spread });
      const a = await world.start("a");
      const b = await world.start("b");
      const forth = texts("forth", 30);
      const back = texts("back", 30);
      for (const text of forth.slice(0, 10)) a.send("b:25520", text);
      await world.clock.advance(delay);
      for (const text of back.slice(0, 10)) b.send("a:25520", text);
      await world.clock.advance(delay);
      for (const text of forth.slice(10)) a.send("b:25520", text);
      for (const text of back.slice(10)) b.send("a:25520", text);
      await world.clock.runUntil(() => a.heard.length >= 30 && b.heard.length >= 30);
      await world.clock.advance(8_000);
      assertEquals(b.texts, forth);
      assertEquals(a.texts, back);
      assertEquals([a.dropped, b.dropped], [[], []]);
      assertEquals([a.endpoint.peers().length, b.endpoint.peers().length], [1, 1]);
      assertEquals([a.events, b.events], [["up b:25520 user"], ["up a:25520 user"]]);
    }),
    { numRuns: 60 },
  );
});

Deno.test("endpoint: a peer that cannot be reached costs only its own messages", async () => {
  await using world = new World();
  const a = await world.start("a");
  const b = await world.start("b");
  a.send("nowhere:25520", "lost");
  a.send("not an address", "lost too");
  for (const text of texts("m", 5)) a.send("b:25520", text);
  await world.clock.runUntil(() => a.dropped.length === 2 && b.heard.length === 5);
  assertEquals(a.dropped.toSorted(), [
    "not an address disconnected lost too",
    "nowhere:25520 disconnected lost",
  ]);
});

Deno.test("endpoint: what waits for a dial is bounded, and so is each message", async () => {
  await using world = new World();
  const a = await world.start("a", { limits: { maxQueuedMessages: 2, maxMessage: 2_000 } });
  const b = await world.start("b");
  for (const text of texts("m", 3)) a.send("b:25520", text);
  a.send("b:25520", "x".repeat(2_001));
  assertEquals(a.dropped, ["b:25520 queueFull m2", `b:25520 tooLarge ${"x".repeat(40)}`]);
  await world.clock.runUntil(() => b.heard.length === 2);
});

Deno.test("endpoint: a restarted node with a newer incarnation replaces its old connection", async () => {
  await using world = new World();
  const a = await world.start("a");
  const b = await world.start("b");
  b.send("a:25520", "first life");
  await world.clock.runUntil(() => a.heard.length === 1);
  world.network.crash("b", { silently: true });
  const again = await world.start("b", { incarnation: 2 });
  again.send("a:25520", "second life");
  await world.clock.runUntil(() => a.heard.length === 2);
  await world.clock.advance(3_000);
  assertEquals(a.endpoint.peers().map(({ incarnation }) => incarnation), [2]);
  a.send("b:25520", "welcome back");
  await world.clock.runUntil(() => again.heard.length === 1);
});

Deno.test("endpoint: an older incarnation is refused while a newer one is connected", async () => {
  await using world = new World();
  const a = await world.start("a");
  const b = await world.start("b", { incarnation: 5 });
  b.send("a:25520", "new");
  await world.clock.runUntil(() => a.heard.length === 1);
  const link = await world.dial("x", "a");
  const old: Hello = {
    protocolMin: 1,
    protocolMax: 1,
    systemName: "shop",
    role: "node",
    nodeId: "b",
    address: "b:25520",
    incarnation: 4,
    lane: "user",
    maxFrame: 1_000,
    window: 1_000,
    features: [],
  };
  const writer = new FrameWriter();
  writer.append(FrameType.hello, encodeHello(old));
  let ended = false;
  link.onClose = () => ended = true;
  link.write(writer.take(), () => {});
  await world.clock.runUntil(() => ended);
  assert(/a later incarnation/.test(a.refusals.join()), a.refusals.join());
  assertEquals(a.endpoint.peers().map(({ incarnation }) => incarnation), [5]);
});

Deno.test("endpoint: close sends the queue and the reason", async () => {
  await using world = new World();
  const a = await world.start("a", { limits: { window: 2_000 } });
  const b = await world.start("b", { limits: { window: 2_000 } });
  a.send("b:25520", "first");
  await world.clock.runUntil(() => b.heard.length === 1);
  for (const text of texts("m", 2_000)) a.send("b:25520", text);
  await world.clock.resolve(a.endpoint.close());
  await world.clock.runUntil(() => b.events.some((event) => event.startsWith("down")));
  assertEquals(b.texts, ["first", ...texts("m", 2_000)]);
  assertEquals(b.events.at(-1), "down a:25520 user: closed by the peer: this end shuts down");
  a.send("b:25520", "too late");
  assertEquals(a.dropped, ["b:25520 disconnected too late"]);
});

Deno.test("endpoint: disconnect ends the connection with its reason; the next message dials", async () => {
  await using world = new World();
  const a = await world.start("a");
  const b = await world.start("b");
  a.send("b:25520", "one");
  await world.clock.runUntil(() => b.heard.length === 1);
  a.endpoint.disconnect("b:25520", "made nonsense");
  await world.clock.runUntil(() => b.events.length === 2 && a.events.length === 2);
  assertEquals(b.events[1], "down a:25520 user: closed by the peer: made nonsense");
  a.send("b:25520", "two");
  await world.clock.runUntil(() => b.heard.length === 2);
});

Deno.test("endpoint: an address map says where to dial, not whom", async () => {
  await using world = new World();
  const b = await world.start("b");
  const a = await world.start("a", {
    addressMap: (address) => address === "tunnel:1" ? "b:25520" : address,
  });
  a.send("tunnel:1", "through");
  await world.clock.runUntil(() => b.heard.length === 1);
  a.send("b:25520", "straight");
  await world.clock.runUntil(() => b.heard.length === 2);
  assertEquals(a.endpoint.peers().map(({ address }) => address), ["b:25520"]);
});

Deno.test("endpoint: a peer that a recheck refuses is disconnected with the reason, others stay", async () => {
  await using world = new World();
  const a = await world.start("a");
  const b = await world.start("b");
  const c = await world.start("c");
  for (const peer of [b, c]) peer.send("a:25520", "hello");
  await world.clock.runUntil(() => a.heard.length === 2);
  a.send("b:25520", "secret");
  b.send("a:25520", "too late");
  a.endpoint.recheck(({ address }) =>
    address === "b:25520" ? "its certificate is revoked" : undefined
  );
  a.send("c:25520", "still here");
  await world.clock.runUntil(() => c.heard.length === 1);
  assertEquals(a.dropped, ["b:25520 disconnected secret"]);
  assertEquals(a.events.at(-1), "down b:25520 user: its certificate is revoked");
  assertEquals(
    b.events.at(-1),
    "down a:25520 user: closed by the peer: its certificate is revoked",
  );
  assertEquals([a.texts, b.texts], [["hello", "hello"], []]);
});

Deno.test("endpoint: the lane of users is dialled as soon as the peer is back on the control lane", async () => {
  await using world = new World();
  const a = await world.start("a");
  // Nobody listens: the pauses grow to many seconds.
  for (let i = 0; i < 600; i++) {
    a.send("b:25520", "lost");
    await world.clock.advance(100);
  }
  const b = await world.start("b");
  b.send("a:25520", "here I am", "control");
  await world.clock.runUntil(() => a.heard.length === 1);
  await world.clock.runUntil(() => a.endpoint.peerAt("b:25520", "user") !== undefined, 100);
  a.send("b:25520", "welcome back");
  await world.clock.runUntil(() => b.heard.length === 1);
  assertEquals(b.heard, ["a:25520 user welcome back"]);
});

Deno.test("handshake: a peer that calls this end itself is not believed", async () => {
  await using world = new World();
  const failures: DialFailure[] = [];
  const aliases: string[] = [];
  const a = await world.start("a", {
    onUnreachable: (failure) => void failures.push(failure),
    onAlias: (of, address) => void aliases.push(`${of} is ${address}`),
  });
  // Any peer may have seen the address of this end; none has seen its secret.
  for (const refusal of [{}, { token: "" }, { token: "00".repeat(16) }]) {
    const said = encodeRefusal({ code: "self", reason: "it is \u001b[2Jyou", ...refusal });
    const listener = await world.clock.resolve(
      world.network.host("evil").listen({
        host: "evil",
        port: 25_520,
        handshakeTimeout: 1_000,
        maxPendingHandshakes: 10,
        onRefused: () => {},
        onLink: (link) => {
          const frame = new FrameWriter();
          frame.append(FrameType.refuse, said);
          link.write(frame.take(), () => link.close());
        },
      }),
    );
    a.send("evil:25520", "hello");
    const before = failures.length;
    await world.clock.runUntil(() => failures.length > before, 20_000);
    await world.clock.resolve(listener.close());
    await world.clock.advance(10_000);
  }
  assertEquals(aliases, []);
  // A peer's text does not steer a terminal.
  assert(failures.every(({ reason }) => !reason.includes("\u001b") && reason.includes("[2Jyou")));
  assertEquals(
    new Set(failures.map(({ code, isDefinite }) => `${code} ${isDefinite}`)),
    new Set(["unproved false"]),
  );
});

Deno.test("endpoint: a node that is dialled under another name is known by its own", async () => {
  await using world = new World();
  const aliases: string[] = [];
  const onAlias = (of: string, address: string) => void aliases.push(`${of} is ${address}`);
  const a = await world.start("a", { onAlias, addressMap: { "B:25520": "b:25520" } });
  const b = await world.start("b");
  a.send("b:25520", "one");
  await world.clock.runUntil(() => b.heard.length === 1);
  assertEquals(aliases, []);
  a.send("B:25520", "two");
  await world.clock.runUntil(() => b.heard.length === 2);
  assertEquals(aliases, ["B:25520 is b:25520"]);
});
