import { deflateRawSync } from "node:zlib";
import { assert, assertEquals } from "@std/assert";
import type { Link } from "../../lib/runtime/network.ts";
import { encodeHello, features, type Hello } from "../../lib/transport/connection/handshake.ts";
import type { TransportLimits } from "../../lib/transport/base/limits.ts";
import { FrameType } from "../../lib/wire/frame.ts";
import { FrameWriter } from "../../lib/wire/frame_writer.ts";
import { type Station, World } from "./endpoints.ts";

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

function frames(...all: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const writer = new FrameWriter(2 ** 30);
  for (const [type, payload] of all) writer.append(type, payload);
  return writer.take().slice();
}

const hello = frames([FrameType.hello, encodeHello(attacker)]);
const bytes = (...values: number[]) => Uint8Array.from(values);

/** A node, one of its peers, and who attacks it. */
class Siege implements AsyncDisposable {
  readonly world = new World(1, { min: 1, max: 1 });
  node!: Station;
  friend!: Station;
  #beats = 0;

  static async begin(limits: Partial<TransportLimits> = {}): Promise<Siege> {
    const siege = new Siege();
    siege.node = await siege.world.start("a", { limits });
    siege.friend = await siege.world.start("b");
    await siege.isServed();
    return siege;
  }

  async dial(from = "evil"): Promise<Link & { ended?: boolean }> {
    const link: Link & { ended?: boolean } = await this.world.dial(from, "a");
    link.onClose = () => link.ended = true;
    return link;
  }

  /** The friend's next message arrives, and soon. */
  async isServed(): Promise<void> {
    this.#beats++;
    this.friend.send("a:25520", `beat ${this.#beats}`);
    await this.world.clock.runUntil(
      () => this.node.texts.includes(`beat ${this.#beats}`),
      2_000,
    );
  }

  /** Lines about the attacker. */
  get lines(): readonly string[] {
    return this.node.log.filter((line) => !line.startsWith("warn without TLS"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]();
  }
}

const message = (size: number) => [FrameType.message, new Uint8Array(size)] as const;
const chunk = (...values: number[]) => [FrameType.chunk, bytes(...values)] as const;
const bomb = (size: number) => {
  const deflated = deflateRawSync(new Uint8Array(10_000_000));
  const payload = new Uint8Array(4 + deflated.length);
  new DataView(payload.buffer).setUint32(0, size);
  payload.set(deflated, 4);
  return [FrameType.compressed, payload] as const;
};

/** What an authenticated peer sends after its hello, and what is logged of it. */
const violations: [string, Uint8Array, RegExp][] = [
  ["an oversized frame", bytes(0x7f, 0xff, 0xff, 0xff, 4), /maxFrame/],
  ["a frame of no bytes", bytes(0, 0, 0, 0), /0 bytes/],
  ["an unknown frame", frames([77, bytes()]), /type 77/],
  ["its hello again", hello, /sent a second hello/],
  ["a welcome to its own hello", frames([FrameType.welcome, bytes(1)]), /sent a second hello/],
  [
    "a credit for what was not sent",
    frames([FrameType.credit, new Uint8Array(8).fill(0x40)]),
    /credit/,
  ],
  ["a credit of half a number", frames([FrameType.credit, bytes(0)]), /credit/],
  ["a chunk of no message", frames(chunk(0, 1)), /belongs to no message/],
  ["a message among chunks", frames(chunk(1, 4, 0, 0, 0, 9, 1), message(3)), /within the chunks/],
  [
    "chunks beyond what was announced",
    frames(chunk(1, 4, 0, 0, 0, 1, 1), chunk(0, 1)),
    /more bytes/,
  ],
  ["chunks of more than a message may have", frames(chunk(1, 4, 0x7f, 0, 0, 0, 1)), /maxMessage/],
  ["a bomb that says what it is", frames(bomb(10_000_000)), /maxCompressionRatio 100/],
  ["a bomb that lies", frames(bomb(12_000)), /cannot be inflated/],
  ["a compressed message that only makes work", frames(bomb(5_000)), /of 5000 bytes takes \d+/],
];

for (const [what, attack, logged] of violations) {
  Deno.test(`attack: ${what} ends that connection, is logged once, and the node serves on`, async () => {
    await using siege = await Siege.begin();
    const { clock } = siege.world;
    for (let i = 0; i < 5; i++) {
      const link = await siege.dial();
      link.write(
        Uint8Array.from([...hello, ...attack, ...frames(message(1), message(2))]),
        () => {},
      );
      await clock.runUntil(() => link.ended === true, 3_000);
    }
    await siege.isServed();
    assertEquals(siege.lines.length, 1, siege.lines.join("\n"));
    assert(logged.test(siege.lines[0]!), siege.lines[0]);
    // Nothing of what followed was heard.
    assert(
      !siege.node.heard.some((line) => line.startsWith("client:evil")),
      siege.node.heard.join(),
    );
  });
}

Deno.test("attack: a stream cut anywhere ends its own connection only", async () => {
  await using siege = await Siege.begin({ maxConnectionRate: 10_000 });
  const stream = Uint8Array.from([...hello, ...frames(message(30), chunk(1, 4, 0, 0, 0, 9, 1))]);
  for (let end = 0; end < stream.length; end += 7) {
    const link = await siege.dial();
    link.write(stream.slice(0, end), () => {});
    await siege.world.clock.advance(5);
    link.destroy();
    await siege.world.clock.advance(5);
  }
  await siege.isServed();
  assert(siege.lines.length <= 5, siege.lines.join("\n"));
  assertEquals(siege.node.endpoint.peers().map(({ address }) => address), ["b:25520"]);
});

Deno.test("attack: a hello that is sent byte by byte ends at the deadline of the handshake", async () => {
  await using siege = await Siege.begin();
  const { clock } = siege.world;
  const link = await siege.dial();
  const began = clock.now();
  for (let at = 0; !link.ended; at++) {
    link.write(hello.slice(at % hello.length, at % hello.length + 1), () => {});
    await clock.advance(100);
    if (at === 20) await siege.isServed();
  }
  assert(clock.now() - began <= 5_200, `${clock.now() - began} ms`);
  assertEquals(siege.lines.length, 1);
  assert(/handshakeTimeout \(5000 ms\)/.test(siege.lines[0]!), siege.lines[0]);
});

Deno.test("attack: silent connections take no more than maxPendingHandshakes, and others come through at once", async () => {
  await using siege = await Siege.begin({ maxPendingHandshakes: 8 });
  const { clock } = siege.world;
  const links: { ended?: boolean }[] = [];
  for (let i = 0; i < 50; i++) {
    await siege.dial(`evil-${i % 5}`).then((link) => links.push(link), () => {});
    assert(links.filter(({ ended }) => !ended).length <= 8);
  }
  await siege.isServed();
  const since = clock.now();
  const late = await siege.world.start("c");
  late.send("a:25520", "hello");
  await clock.runUntil(() => siege.node.texts.includes("hello"));
  assert(clock.now() - since < 500, `${clock.now() - since} ms`);
  const named = siege.lines.filter((line) => line.includes("maxPendingHandshakes (8)"));
  // Once for each address.
  assertEquals(named.length, 5, siege.lines.join("\n"));
});

/** From `count` hosts, 100 silent connections a second each, until the result is called. */
function flood(siege: Siege, count: number): () => void {
  const { clock, network } = siege.world;
  let on = true;
  const next = () => {
    if (!on) return;
    for (let i = 0; i < count; i++) {
      const dialled = { host: "a", port: 25_520, serverName: "a", timeout: 1_000 };
      void network.host(`flood-${i}`).dial(dialled).catch(() => {});
    }
    clock.schedule(10, next);
  };
  next();
  return () => void (on = false);
}

/** Milliseconds until a node that starts now has been heard. */
async function timeToBeHeard(siege: Siege, host: string): Promise<number> {
  const { clock } = siege.world;
  const since = clock.now();
  const joining = await siege.world.start(host);
  joining.send("a:25520", `hello from ${host}`);
  await clock.runUntil(() => siege.node.texts.includes(`hello from ${host}`), 10_000);
  return clock.now() - since;
}

for (const count of [1, 4, 64]) {
  Deno.test(`attack: a node gets in, and a member comes back, while ${count} addresses flood`, async () => {
    await using siege = await Siege.begin();
    const { clock, network } = siege.world;
    const usual = await timeToBeHeard(siege, "c");
    const stop = flood(siege, count);
    await clock.advance(3_000);
    for (const host of ["d", "e", "f"]) {
      const took = await timeToBeHeard(siege, host);
      assert(took <= 2 * usual, `${took} ms instead of ${usual} ms`);
      // A member whose connection breaks reconnects with its next message.
      network.reset("b", "a");
      await clock.advance(20);
      const since = clock.now();
      await siege.isServed();
      assert(clock.now() - since <= 2 * usual, `${clock.now() - since} ms`);
    }
    stop();
  });
}

Deno.test("attack: one address has its rate and its number of connections, others have theirs", async () => {
  await using siege = await Siege.begin({ maxConnectionRate: 20, maxConnectionsPerAddress: 5 });
  const { clock } = siege.world;
  let open = 0;
  for (let i = 0; i < 60; i++) {
    const handshake = frames([
      FrameType.hello,
      encodeHello({ ...attacker, address: `client:${i}` }),
    ]);
    await siege.dial().then((link) => {
      open++;
      link.write(handshake, () => {});
    }, () => {});
  }
  assertEquals(open, 5);
  await siege.isServed();
  const late = await siege.world.start("c");
  late.send("a:25520", "hello");
  await clock.runUntil(() => siege.node.texts.includes("hello"));
  const lines = siege.lines.join("\n");
  assert(/maxConnectionsPerAddress \(5\)/.test(lines), lines);
  assert(/maxConnectionRate \(20\)/.test(lines), lines);
  assertEquals(siege.lines.length, 2, lines);
});

Deno.test("attack: many reasons from one host, or one from many, do not flood the log", async () => {
  await using siege = await Siege.begin({ maxConnectionRate: 10_000 });
  for (let i = 0; i < 40; i++) {
    const link = await siege.dial();
    const said = encodeHello({ ...attacker, systemName: `bank-${i}` });
    link.write(frames([FrameType.hello, said]), () => {});
    await siege.world.clock.advance(10);
  }
  assertEquals(siege.lines.length, 5, siege.lines.join("\n"));
  for (let i = 0; i < 150; i++) {
    const link = await siege.dial(`host-${i}`);
    link.write(bytes(0, 0, 0, 0), () => {});
    await siege.world.clock.advance(10);
  }
  assertEquals(siege.lines.length, 100);
  await siege.isServed();
});

Deno.test("attack: a peer that stops reading is cut after writeTimeout, and others do not wait for it", async () => {
  await using siege = await Siege.begin({ writeTimeout: 3_000, maxQueuedMessages: 50 });
  const { clock } = siege.world;
  const link = await siege.dial();
  link.write(hello, () => {});
  await clock.runUntil(() => siege.node.endpoint.peers().length === 2);
  link.pause();
  const began = clock.now();
  for (let i = 0; i < 200; i++) siege.node.send("client:evil", "x".repeat(10_000));
  await siege.isServed();
  await clock.runUntil(() => siege.node.endpoint.peers().length === 1, 10_000);
  assert(clock.now() - began < 3_500, `${clock.now() - began} ms`);
  assert(/writeTimeout \(3000 ms\)/.test(siege.node.events.at(-1)!), siege.node.events.at(-1));
  const reasons = siege.node.dropped.map((line) => line.split(" ")[1]);
  assertEquals(reasons.length, 200);
  assertEquals(new Set(reasons), new Set(["queueFull", "disconnected"]));
});

for (const count of [1, 200]) {
  Deno.test(`attack: who reads ${count} messages, pings, and acknowledges nothing new is cut after writeTimeout`, async () => {
    await using siege = await Siege.begin({ writeTimeout: 3_000 });
    const { clock } = siege.world;
    const link = await siege.dial();
    link.write(hello, () => {});
    await clock.runUntil(() => siege.node.endpoint.peers().length === 2);
    const began = clock.now();
    for (let i = 0; i < count; i++) siege.node.send("client:evil", "x".repeat(10_000));
    const busy = frames([FrameType.ping, bytes()], [FrameType.credit, new Uint8Array(8)]);
    while (siege.node.endpoint.peers().length === 2 && clock.now() - began < 10_000) {
      link.write(busy, () => {});
      await clock.advance(500);
    }
    assert(clock.now() - began <= 4_000, `${clock.now() - began} ms`);
    const end = siege.node.events.at(-1)!;
    assert(/acknowledges nothing for writeTimeout \(3000 ms\)/.test(end), end);
    await siege.isServed();
  });
}

Deno.test("attack: many unfinished messages take bounded memory, and other peers are served", async () => {
  await using siege = await Siege.begin({ maxMessage: 1_000_000, maxPartialBytes: 3_000_000 });
  const { clock } = siege.world;
  const part = new Uint8Array(300_006);
  part.set([1, FrameType.message, 0, 0x0f, 0x42, 0x40]);
  const links: (Link & { ended?: boolean })[] = [];
  for (let i = 0; i < 20; i++) {
    const link = await siege.dial(`evil-${i}`);
    const name = { nodeId: `evil-${i}`, address: `client:evil-${i}` };
    const own = frames([FrameType.hello, encodeHello({ ...attacker, ...name })]);
    link.write(Uint8Array.from([...own, ...frames([FrameType.chunk, part])]), () => {});
    await clock.advance(100);
    links.push(link);
  }
  // The first to begin are the first to go.
  assertEquals(
    links.map(({ ended }) => ended === true),
    links.map((_, i) => i < 10),
  );
  assert(siege.lines.every((line) => line.includes("maxPartialBytes (3000000)")));
  const large = "x".repeat(900_000);
  siege.friend.send("a:25520", large);
  await clock.runUntil(() => siege.node.texts.includes(large), 5_000);
  await siege.isServed();
});
