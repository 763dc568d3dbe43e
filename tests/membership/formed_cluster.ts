import { assert } from "@std/assert";
import type { MemberEvent } from "../../lib/membership/state/member_event.ts";
import type { MembershipConfig } from "../../lib/membership/machine/membership.ts";
import { type SimulatedMember, SimulatedMembers } from "./simulated_members.ts";

/** Five nodes that have formed and been quiet for ten seconds. */
export function formed(
  seed: number,
  count = 5,
  config: Partial<MembershipConfig> = {},
  { stallResponders = false } = {},
): { world: SimulatedMembers; nodes: SimulatedMember[] } {
  const world = new SimulatedMembers(seed);
  world.stallResponders = stallResponders;
  const nodes = Array.from({ length: count }, (_, i) => world.start(`n${i}`, ["n0", "n1"], config));
  assert(world.runUntil(() => allUp(nodes), 10_000) !== undefined, "did not form");
  world.run(10_000);
  return { world, nodes };
}

/** Whether all these nodes see exactly each other as up, under one leader, and have converged. */
export function allUp(nodes: readonly SimulatedMember[]): boolean {
  const first = nodes[0]!.view;
  return nodes.every(({ view, up }) =>
    view.members.length === nodes.length && up.length === nodes.length && view.converged &&
    view.unreachable.size === 0 && view.leader === first.leader &&
    view.clusterId === first.clusterId &&
    view.members.every(({ address }, index) => address === first.members[index]?.address)
  );
}

/** Runs until something holds; fails if that takes longer than `limit` milliseconds. */
export function within(world: SimulatedMembers, what: string, limit: number, holds: () => boolean) {
  const took = world.runUntil(holds, limit);
  assert(took !== undefined, `${what}: not within ${limit} ms`);
  return took;
}

/** Labels of the members in the events of a type that a node has published. */
export const seen = (node: SimulatedMember, type: MemberEvent["type"]) =>
  node.events.filter((event) => event.type === type)
    .map((event) => "member" in event ? event.member.nodeId : event.leader);
