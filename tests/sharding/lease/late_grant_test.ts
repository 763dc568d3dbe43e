import { assert, assertEquals, assertThrows } from "@std/assert";
import type { HolderId } from "../../../lib/sharding/lease/lease_config.ts";
import type { LeaseMessage } from "./lease_message.ts";
import type { LeaseNode } from "./lease_node.ts";
import { LeaseWorld, Violation, type WorldOptions } from "./lease_world.ts";

const address = "n2";

/** Keeps all grants for one node back. */
class WithheldGrants extends LeaseWorld {
  readonly withheld: LeaseMessage[] = [];

  override send(from: LeaseNode, to: HolderId, message: LeaseMessage): void {
    if (message.type === "start" && to.address === address) this.withheld.push(message);
    else super.send(from, to, message);
  }
}

/** A grant arrives when its node was cut off, excluded, and is back; others own the shard by then. */
function deliverLate(options: WorldOptions): LeaseNode {
  const world = new WithheldGrants(1, { nodes: 3, shards: 6, ...options });
  const leader = world.nodes[0]!;
  const node = world.nodes.find(({ id }) => id.address === address)!;
  world.calm = true;
  world.runUntil(2_500);
  world.calm = false; // Shards move.
  while (world.withheld.length === 0) world.runUntil(world.time + 10);
  world.calm = true;
  const [grant] = world.withheld;
  // It still reaches the other one, so it does not lead.
  world.cut.add(`${address}>n0`);
  world.cut.add(`n0>${address}`);
  world.runUntil(world.time + 3_500);
  assert(leader.coordinator.config.hasEnded(node.id, leader.now));
  assert(!node.holder.holds(node.now));
  world.cut.clear();
  world.runUntil(world.time + 2_000);
  assert(node.holder.holds(node.now));
  world.run(node, world.time, () => node.receive(leader.id, grant!));
  world.runUntil(world.time + 1);
  return node;
}

Deno.test("a grant from before an exclusion is refused, however late it arrives", () => {
  assertEquals(deliverLate({}).shards.size, 0);
  assertThrows(() => deliverLate({ rules: { grantsNameVersions: false } }), Violation);
});
