import { assert, assertEquals } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { Remoting } from "../../lib/remoting/remoting.ts";
import type { Link } from "../../lib/runtime/network.ts";
import { encodeHello, features, type Hello } from "../../lib/transport/connection/handshake.ts";
import { encodeEnvelope } from "../../lib/wire/envelope.ts";
import { FrameType } from "../../lib/wire/frame.ts";
import { FrameWriter } from "../../lib/wire/frame_writer.ts";
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

  static async start(): Promise<Target> {
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
      host: "a",
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

Deno.test("hostile: what a client leaves unread is decoded in turns, and reported in order", async () => {
  await using target = await Target.start();
  const { clock, system } = target;
  const link = await target.attack({ window: 1 });
  const to = target.remoting.refTo({ node: "client:evil", path: "/x", uid: 0 });
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
