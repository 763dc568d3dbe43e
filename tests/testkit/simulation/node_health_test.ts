import { assertEquals } from "@std/assert";
import type { Fault, SimulatedNode } from "../../../lib/testkit/mod.ts";
import { NodeHealth } from "../../../lib/testkit/simulation/node_health.ts";

type FakeNode = { -readonly [K in keyof SimulatedNode]: SimulatedNode[K] };

/** Five nodes, and links that can be cut. */
class Scene {
  readonly cuts = new Set<string>();
  readonly nodes: FakeNode[] = Array.from({ length: 5 }, (_, index) => ({
    name: `n${index}`,
    index,
    host: `n${index}`,
    alive: true,
    paused: false,
    frozen: false,
    status: "up",
  } as FakeNode));
  readonly health: NodeHealth;

  constructor() {
    this.health = new NodeHealth(
      this.nodes,
      { tolerance: 3_000, memory: 30_000, stall: 50_000 },
      (from, to) => this.cuts.has(`${from} ${to}`),
    );
    this.health.update(0);
  }

  cut(one: number, other: number): void {
    this.cuts.add(`n${one} n${other}`);
  }

  /** Who is healthy at a time. */
  at(now: number): number[] {
    return this.nodes.filter((node) => this.health.isHealthy(node, now)).map(({ index }) => index);
  }
}

const all = [0, 1, 2, 3, 4];

Deno.test("a minority that is cut off is unhealthy after the tolerance, and for a while afterwards", () => {
  const scene = new Scene();
  for (const one of [0, 1]) for (const other of [2, 3, 4]) scene.cut(one, other);
  scene.health.update(10_000);
  assertEquals(scene.at(13_000), all);
  assertEquals(scene.at(13_001), [2, 3, 4]);
  scene.cuts.clear();
  scene.health.update(20_000);
  assertEquals(scene.at(49_999), [2, 3, 4]);
  assertEquals(scene.at(50_000), all);
});

Deno.test("what is short counts as nothing, and one broken link of four does neither", () => {
  const scene = new Scene();
  scene.cut(0, 1);
  scene.health.update(10_000);
  assertEquals(scene.at(60_000), all);
  scene.cut(0, 2);
  scene.cut(3, 0);
  scene.health.update(60_000);
  assertEquals(scene.at(65_000), [1, 2, 3, 4]);
  const short = new Scene();
  for (const other of all) short.cut(0, other);
  short.health.update(1_000);
  short.cuts.clear();
  short.health.update(4_000);
  assertEquals(short.at(4_001), all);
});

Deno.test("a stalled node is healthy up to the stall limit, a stopped process is not", () => {
  const scene = new Scene();
  scene.nodes[0]!.paused = true;
  scene.health.update(0);
  assertEquals(scene.at(50_000), all);
  assertEquals(scene.at(50_001), [1, 2, 3, 4]);
  scene.nodes[1]!.paused = true;
  scene.nodes[1]!.frozen = true;
  scene.health.update(10_000);
  assertEquals(scene.at(13_001), [0, 2, 3, 4]);
});

Deno.test("the dead count as members for a while, then no more", () => {
  const scene = new Scene();
  for (const index of [0, 1, 2]) {
    scene.nodes[index]!.alive = false;
    scene.nodes[index]!.status = "crashed";
  }
  scene.health.update(1_000);
  assertEquals(scene.at(5_000), []);
  scene.health.update(31_001);
  assertEquals(scene.at(61_001), [3, 4]);
});

Deno.test("heavy loss and latency are like a cut, light ones are not", () => {
  const scene = new Scene();
  const loss = (probability: number): Fault => ({
    type: "loss",
    at: 0,
    for: 1,
    probability,
    to: ["n0"],
  });
  scene.health.update(0, loss(0.1), true);
  assertEquals(scene.at(10_000), all);
  const heavy = loss(0.5);
  scene.health.update(10_000, heavy, true);
  assertEquals(scene.at(20_000), [1, 2, 3, 4]);
  scene.health.update(20_000, heavy, false);
  assertEquals(scene.at(50_000), all);
  scene.health.update(50_000, { type: "slow", at: 0, for: 1, node: "n4", turn: 50 }, true);
  assertEquals(scene.at(60_000), [0, 1, 2, 3]);
});
