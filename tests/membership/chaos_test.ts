import { assert, assertEquals } from "@std/assert";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";
import { type SimulatedMember, SimulatedMembers } from "./simulated_members.ts";

const seeds = ["n0", "n1", "n2"];

/** Eight random faults, each for up to 15 s, then a minute of fair weather. */
function chaos(seed: number): { world: SimulatedMembers; acts: string[]; ever: SimulatedMember[] } {
  const random = new SeededRandom(`chaos ${seed}`);
  const int = (bound: number) => Math.floor(random.next() * bound);
  const world = new SimulatedMembers(seed);
  const ever: SimulatedMember[] = [];
  const start = (name: string) => ever.push(world.start(name, seeds));
  const count = 3 + int(6);
  for (let i = 0; i < count; i++) start(`n${i}`);
  world.run(5_000);
  const acts: string[] = [];
  for (let act = 0; act < 8; act++) {
    const nodes = [...world.nodes.values()];
    const node = nodes[int(nodes.length)]!;
    const name = node.config.self.nodeId;
    const fault = ["cut", "cut", "heal", "pause", "loss", "crash", "restart", "leave"][int(8)]!;
    if (fault === "cut") {
      const side = nodes.filter(() => random.next() < 0.5);
      world.partition(side, nodes.filter((other) => !side.includes(other)));
    } else if (fault === "heal") world.heal();
    else if (fault === "pause") world.pause(node, int(12_000));
    else if (fault === "loss") world.weather.loss = random.next() * 0.3;
    else if (fault === "crash") world.crash(node);
    // The first seed bootstraps a cluster when it finds none, so it must not start while cut off.
    else if (fault === "restart" && !node.alive && name !== "n0") start(name);
    else if (fault === "leave") world.step(node, { type: "leave" });
    acts.push(`${fault} ${name}`);
    world.run(int(15_000));
  }
  world.heal();
  world.weather.loss = 0;
  world.run(60_000);
  return { world, acts, ever };
}

Deno.test("under random faults all survivors agree, and there is one cluster", () => {
  for (let seed = 1; seed <= 150; seed++) {
    const { acts, ever } = chaos(seed);
    const story = `seed ${seed}: ${acts.join(", ")}`;
    const members = ever.filter(({ alive, view }) => alive && view.clusterId !== undefined);
    const addresses = members.map(({ address }) => address).toSorted();
    for (const { view, up } of members) {
      assertEquals(up.toSorted(), addresses, story);
      assertEquals(view.members.length, addresses.length, story);
      assertEquals(view.leader, members[0]!.view.leader, story);
      assertEquals(view.clusterId, members[0]!.view.clusterId, story);
      assert(view.converged && view.unreachable.size === 0, story);
    }
  }
});

Deno.test("a member that was never partitioned, paused, crashed or isolated is not downed", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = new SeededRandom(`calm ${seed}`);
    const world = new SimulatedMembers(seed);
    const nodes = Array.from({ length: 7 }, (_, i) => world.start(`n${i}`, seeds));
    world.run(5_000);
    // One or two of seven go wrong; the rest only see loss and jitter.
    const bad = nodes.slice(5);
    world.weather.loss = 0.1;
    world.weather.latency = { min: 1, max: 150 };
    for (const node of bad) {
      const fault = Math.floor(random.next() * 4);
      if (fault === 0) world.crash(node);
      if (fault === 1) world.pause(node, random.next() * 60_000);
      if (fault === 2) world.weather.cut = (from) => from === node.address;
      if (fault === 3) world.step(node, { type: "leave" });
      world.run(random.next() * 20_000);
    }
    world.run(40_000);
    for (const node of nodes.slice(0, 5)) {
      assertEquals(node.downed, undefined, `seed ${seed}, ${node.address}`);
      assert(node.alive);
    }
  }
});
