/** The remaining time of an ask on the wire, between this version and earlier ones. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { AskTimeoutError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Remoting } from "../../lib/remoting/remoting.ts";
import type { Link } from "../../lib/runtime/network.ts";
import { encodeHello, features, type Hello } from "../../lib/transport/connection/handshake.ts";
import { decodeEnvelopeHeader, encodeEnvelope } from "../../lib/wire/envelope.ts";
import { FrameType } from "../../lib/wire/frame.ts";
import { FrameReader } from "../../lib/wire/frame_reader.ts";
import { FrameWriter } from "../../lib/wire/frame_writer.ts";
import { newCodec } from "../wire/values.ts";
import { SimulatedHosts } from "../simulated_hosts.ts";

const hello: Hello = {
  protocolMin: 1,
  protocolMax: 1,
  systemName: "shop",
  role: "node",
  nodeId: "b",
  address: "b:1",
  incarnation: 1,
  lane: "user",
  maxFrame: 1_048_576,
  window: 1_048_576,
  // Every path in full.
  features: Object.values(features).filter((feature) => feature !== features.paths),
  maxMessage: 16_777_216,
};

/** This version, at `a:1`, and the bare end of a connection at `b:1`. */
class Scene extends SimulatedHosts implements AsyncDisposable {
  system!: ActorSystem;
  remoting!: Remoting;
  /** What the other end was sent: the path, and the remaining time. */
  readonly heard: [path: string, remaining: number | undefined][] = [];
  readonly #hello: Hello;
  #link!: Link;

  private constructor(said: readonly string[]) {
    super();
    this.#hello = { ...hello, features: said };
  }

  static async start(said: readonly string[]): Promise<Scene> {
    const scene = new Scene(said);
    const { clock } = scene;
    const runtime = scene.runtime("a");
    scene.system = new ActorSystem({ runtime });
    const options = { systemName: "shop", role: "node", nodeId: "a", incarnation: 1 } as const;
    const started = Remoting.start(scene.system, { ...options, runtime, host: "a", port: 1 });
    scene.remoting = await clock.resolve(started);
    await clock.resolve(
      scene.network.host("b").listen({
        host: "b",
        port: 1,
        handshakeTimeout: 1_000,
        maxPendingHandshakes: 10,
        onLink: (link) => scene.#welcome(link),
        onRefused: () => {},
      }),
    );
    return scene;
  }

  #welcome(link: Link): void {
    this.#link = link;
    const reader = new FrameReader(2 ** 30, (type, bytes, start, end) => {
      if (type === FrameType.hello) {
        this.#send(FrameType.welcome, encodeHello(this.#hello));
      } else if (type === FrameType.message) {
        const { path, remaining } = decodeEnvelopeHeader(bytes, start, end);
        this.heard.push([path, remaining]);
      }
    });
    link.onData = (chunk) => reader.push(chunk);
  }

  #send(type: number, ...payloads: readonly Uint8Array[]): void {
    const writer = new FrameWriter(2 ** 30);
    for (const payload of payloads) writer.append(type, payload);
    this.#link.write(writer.take().slice(), () => {});
  }

  /** Sends values as the other end, each with its remaining time. */
  tell(path: string, ...values: readonly (readonly [value: unknown, remaining?: number])[]): void {
    const payloads = values.map(([value, remaining]) =>
      encodeEnvelope(newCodec(), path, 0, value, undefined, undefined, remaining).slice()
    );
    this.#send(FrameType.message, ...payloads);
  }

  /** Asks an actor at the other end, which does not answer. */
  async ask(timeout: number): Promise<void> {
    const ref = this.remoting.refTo({ node: "b:1", path: "/asked", uid: 0 });
    const asked = this.system.ask(ref, (replyTo: ActorRef<number>) => replyTo, { timeout });
    const late = assertRejects(() => asked, AskTimeoutError);
    await this.clock.advance(timeout);
    await late;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clock.resolve(this.remoting.close());
    await this.clock.resolve(this.system.shutdown());
  }
}

Deno.test("an ask says how long it waits, also one that waited for the connection", async () => {
  await using scene = await Scene.start(hello.features);
  await scene.ask(1_500);
  await scene.ask(2_000);
  scene.remoting.refTo({ node: "b:1", path: "/told", uid: 0 }).tell(1);
  await scene.clock.advance(100);
  assertEquals(scene.heard, [["/asked", 1_500], ["/asked", 2_000], ["/told", undefined]]);
});

Deno.test("a peer of an earlier version is not told, whether connected or not", async () => {
  const earlier = hello.features.filter((feature) => feature !== features.deadline);
  await using scene = await Scene.start(earlier);
  await scene.ask(1_500);
  await scene.ask(2_000);
  assertEquals(scene.heard, [["/asked", undefined], ["/asked", undefined]]);
});

Deno.test("a peer is told of an abort, once, if it has the feature and has the ask", async () => {
  const earlier = hello.features.filter((feature) => feature !== features.abortedAsks);
  for (const said of [hello.features, earlier]) {
    await using scene = await Scene.start(said);
    const abort = async (wait: number, timeout: number) => {
      const controller = new AbortController();
      const ref = scene.remoting.refTo({ node: "b:1", path: "/asked", uid: 0 });
      const { signal } = controller;
      const asked = scene.system.ask(ref, (replyTo: ActorRef<number>) => replyTo, {
        timeout,
        signal,
      });
      const ended = assertRejects(() => asked);
      await scene.clock.advance(wait);
      controller.abort();
      await scene.clock.resolve(ended);
      await scene.clock.advance(100);
      return scene.heard.splice(0).map(([path]) => path);
    };
    const told = said === earlier ? [] : ["/_askaborted"];
    assertEquals(await abort(100, 5_000), ["/asked", ...told]);
    // One that is over has nothing to abort.
    assertEquals(await abort(200, 100), ["/asked"]);
  }
});

Deno.test("what a peer says is counted from the arrival; nothing is handled late", async () => {
  await using scene = await Scene.start(hello.features);
  const deadlines: (number | undefined)[] = [];
  const { clock } = scene;
  scene.system.spawn(
    Behaviors.receive<number>(async ({ deadline }, wait) => {
      deadlines.push(deadline);
      await new Promise<void>((resolve) => clock.schedule(wait, resolve));
      return Behaviors.same();
    }),
    "slow",
  );
  await scene.ask(100);
  const began = clock.now();
  scene.tell("/slow", [300], [0, 200], [0, 500], [0]);
  await clock.advance(400);
  const [first, second, third] = deadlines;
  assertEquals([first, third, deadlines.length], [undefined, undefined, 3]);
  assert(second! >= began + 500 && second! <= began + 510, `${second} ${began}`);
  assertEquals(scene.system.ledger.snapshot().deadLetters, { expired: 1 });
});

Deno.test("a message that comes back unread has the deadline of its ask, if that is still pending", async () => {
  await using scene = await Scene.start(hello.features);
  const { clock, remoting, system } = scene;
  const back: [job: unknown, late: number][] = [];
  remoting.handleUndelivered("/_jobs-", (_to, message, _path, deadline) => {
    const [job, asked] = message as [string, number];
    back.push([job, deadline! - asked]);
    return true;
  });
  const silent = system.spawn(Behaviors.ignore(), "silent");
  const stop = new AbortController();
  for (const [job, options] of [["pending", {}], ["aborted", { signal: stop.signal }]] as const) {
    const asked = clock.now();
    // Nobody listens there.
    system.ask(silent, (replyTo: ActorRef<number>) => {
      remoting.send("nowhere:1", "/_jobs-1", 0, [job, asked, replyTo], asked + 1_000);
      return 0;
    }, { timeout: 1_000, ...options }).catch(() => {});
  }
  await clock.advance(0);
  stop.abort();
  await clock.runUntil(() => back.length === 2);
  assertEquals(back[0], ["pending", 1_000]);
  assertEquals(back[1]![0], "aborted");
  assert(back[1]![1] < 100, `${back[1]}`);
});
