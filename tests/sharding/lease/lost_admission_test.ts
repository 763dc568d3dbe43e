import { assert, assertEquals } from "@std/assert";
import { NodeLease } from "../../../lib/sharding/lease/node_lease.ts";
import type { LeaseConfig } from "../../../lib/sharding/lease/lease_config.ts";
import type { Term } from "../../../lib/sharding/routing/term.ts";
import { World, type WorldNode } from "../shard_world.ts";

/** Admissions of one node are lost for a while. */
class LostAdmissions extends World {
  dropped = 0;
  lossEnds = 0;

  override send(from: WorldNode, to: string, path: string, message: unknown): void {
    const { type } = message as { readonly type?: string };
    if (type !== "admitHolder" || to !== "b" || this.now >= this.lossEnds) {
      return super.send(from, to, path, message);
    }
    this.dropped++;
  }
}

Deno.test("a node whose first admissions are lost holds a lease soon after one can arrive", () => {
  for (const lossEnds of [2_100, 3_300, 4_700, 5_300]) {
    const world = new LostAdmissions({ seed: lossEnds });
    world.lossEnds = lossEnds;
    for (const address of "abc") world.join(address);
    const node = world.find("b")!;
    world.run(lossEnds);
    assert(world.dropped > 0, "no admission was lost");
    assert(!node.shards.lease.holds, "the node was admitted already");
    // It reports each 500 ms, and a report may be overtaken by a confirmation once. Then a round trip
    // each for the report and for the lease.
    const took = world.runUntil(() => node.shards.lease.holds, 5_000);
    assert(took !== undefined && took < 1_150, `it took ${took} ms`);
  }
});

Deno.test("a node asks for its first admission only as a member that knows a term, until it has it", () => {
  const term: Term = [5, "a:1"];
  let asked = 0;
  const node = new NodeLease({
    self: "x:1",
    now: () => 0,
    wallTime: () => 0,
    send: () => {},
    isCoordinator: () => true,
    isMember: () => true,
    onLaterTerm: () => true,
    onNotAdmitted: () => void asked++,
    onLease: () => {},
  });
  const ticks = () => {
    asked = 0;
    for (let tick = 0; tick < 20; tick++) node.tick();
    return asked;
  };
  assertEquals(ticks(), 0, "it is no member");
  node.setIncarnation(1);
  assertEquals(ticks(), 0, "no coordinator has requested a report");
  node.acknowledge(term);
  assertEquals(ticks(), 10);
  const config: LeaseConfig = {
    version: [term, 1],
    voters: [{ address: "a:1", incarnation: 1 }],
    excluded: [],
  };
  node.onAdmit({ type: "admitHolder", term, config });
  assertEquals(ticks(), 0, "it is admitted");
  node.setIncarnation(2);
  assertEquals(ticks(), 10, "another incarnation needs its own admission");
  node.release();
  assertEquals(ticks(), 0, "it leaves");
});
