import { assert, assertEquals } from "@std/assert";
import { ClusteredActorSystem, type MemberEvent, type MembershipTiming } from "@casty/casty";
import type { TlsMaterial } from "@casty/casty/runtime";
import { nodeInternalsOf } from "../../lib/node_internals.ts";
import { Certificates } from "../transport/network/certificates.ts";
import type { ChildOptions } from "./stall_child.ts";
import { Lines } from "./lines.ts";
import { TextLineStream } from "../../examples/tls_counter/text_lines.ts";

const script = new URL("stall_child.ts", import.meta.url).pathname;
/** Quick, so that what takes 12 s by default is over in three. */
const membership: MembershipTiming = {
  heartbeatInterval: 500,
  gossipInterval: 500,
  acceptablePause: 1_500,
  stableAfter: 2_000,
};

interface Heard {
  readonly type: string;
  readonly nodeId: string;
  readonly reason?: string;
}

/** Two nodes in this process, and one in another. */
class Scene implements AsyncDisposable {
  readonly heard: Heard[] = [];
  readonly logs: Lines[] = [];
  readonly nodes: ClusteredActorSystem[] = [];
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly child: Deno.ChildProcess;
  #waiting: (() => void)[] = [];

  private constructor(child: Deno.ChildProcess) {
    this.child = child;
    this.#lines = child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
    this.#input = child.stdin.getWriter();
  }

  static async start(tls: (name: string) => Promise<TlsMaterial>): Promise<Scene> {
    const nodes: ClusteredActorSystem[] = [];
    const logs: Lines[] = [];
    for (const nodeId of ["a", "b"]) {
      const logger = new Lines();
      logs.push(logger);
      nodes.push(
        await ClusteredActorSystem.start({
          name: "stall",
          nodeId,
          host: "127.0.0.1",
          port: 0,
          seedNodes: nodes.map(({ address }) => address),
          membership,
          tls: await tls(nodeId),
          logger,
        }),
      );
    }
    const options: ChildOptions = {
      nodeId: "c",
      seed: nodes[0]!.address,
      members: 3,
      membership,
      tls: await tls("c"),
    };
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", script, JSON.stringify(options)],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const scene = new Scene(child);
    scene.nodes.push(...nodes);
    scene.logs.push(...logs);
    for (
      const type of ["unreachableMember", "reachableMember", "memberDowned", "memberUp"] as const
    ) {
      nodes[0]!.eventStream.subscribe(type, (event: MemberEvent) => {
        if (!("member" in event)) return;
        scene.heard.push({
          type,
          nodeId: event.member.nodeId,
          ...("reason" in event && { reason: event.reason }),
        });
        for (const wake of scene.#waiting.splice(0)) wake();
      });
    }
    assert((await scene.line()).startsWith("READY "));
    await scene.#respondersKnown();
    return scene;
  }

  /** A responder is known once its node has answered a heartbeat with it. */
  async #respondersKnown(): Promise<void> {
    const knows = (node: ClusteredActorSystem) => {
      const { peers } = nodeInternalsOf(node)!.health;
      return peers.length === 2 && peers.every(({ hasStallResponder }) => hasStallResponder);
    };
    while (!this.nodes.every(knows)) await new Promise((resolve) => setTimeout(resolve, 50));
  }

  /** The child's next line. */
  async line(): Promise<string> {
    return (await this.#lines.read()).value ?? "";
  }

  /** Stops the child's event loop. */
  async block(ms: number): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${ms}\n`));
  }

  /** Resolves when the first node has told of this about the child. */
  async until(type: string): Promise<Heard> {
    for (;;) {
      const found = this.heard.find((event) => event.type === type && event.nodeId === "c");
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** A test that has failed may have left it stopped. */
  #resume(): void {
    try {
      this.child.kill("SIGCONT");
    } catch {
      // It has ended.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#resume();
    await this.#input.close().catch(() => {});
    while (!(await this.#lines.read()).done);
    await this.child.status;
    for (const node of this.nodes) await node.shutdown();
  }
}

async function withScene(run: (scene: Scene) => Promise<void>): Promise<void> {
  await using certificates = await Certificates.create();
  await using scene = await Scene.start((name) => certificates.node({ name }));
  await run(scene);
}

Deno.test("a node whose event loop stands still is unreachable as stalled, and comes back", async () => {
  await withScene(async (scene) => {
    await scene.block(8_000);
    assertEquals((await scene.until("unreachableMember")).reason, "stalled");
    assertEquals(await scene.line(), "RESUMED");
    await scene.until("reachableMember");
    assertEquals(scene.heard.filter(({ type }) => type === "memberDowned"), []);
    assertEquals(scene.nodes.map(({ members }) => members.length), [3, 3]);
  });
});

Deno.test({
  name:
    "a stopped process is silent and downed when its time is up; when it goes on, it learns why",
  ignore: Deno.build.os === "windows",
  async fn() {
    await withScene(async (scene) => {
      scene.child.kill("SIGSTOP");
      assertEquals((await scene.until("unreachableMember")).reason, "silent");
      await scene.until("memberDowned");
      scene.child.kill("SIGCONT");
      const evidence = JSON.parse((await scene.line()).replace(/^DOWNED /, ""));
      assertEquals(evidence.by, scene.nodes[0]!.address);
      assert(evidence.why.includes("2 of 3 members are reachable"), evidence.why);
      assertEquals(evidence.observers, scene.nodes.map(({ address }) => address).toSorted());
    });
  },
});

Deno.test({
  name: "a killed process is gone, and downed",
  ignore: Deno.build.os === "windows",
  async fn() {
    await withScene(async (scene) => {
      const killed = performance.now();
      scene.child.kill("SIGKILL");
      assertEquals((await scene.until("unreachableMember")).reason, "gone");
      // Silence alone takes 5 s.
      const took = performance.now() - killed;
      assert(took < 3_000, `${took} ms`);
      await scene.until("memberDowned");
    });
  },
});
