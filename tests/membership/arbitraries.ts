import fc from "fast-check";
import type {
  GossipState,
  MemberRecord,
  Tombstone,
} from "../../lib/membership/state/gossip_state.ts";
import { type Member, memberStatuses } from "../../lib/membership/state/member.ts";

const addresses = ["a:1", "b:1", "c:1", "d:1"];
const digest = fc.constantFrom("", "0000000000000001", "0000000000000002");

/** Objects with the usual prototype, as the protocol makes them. */
const plain = { noNullPrototype: true };

const evidence = fc.record({
  by: fc.constantFrom(...addresses),
  why: fc.constantFrom("silent", "minority"),
  observers: fc.subarray(addresses),
}, plain);

/** A member at an address, with small ranges so that two of them often meet. */
export function memberAt(address: string): fc.Arbitrary<Member> {
  return fc.record({
    address: fc.constant(address),
    nodeId: fc.constantFrom("x", "y"),
    incarnation: fc.integer({ min: 1, max: 3 }),
    status: fc.constantFrom(...memberStatuses.filter((status) => status !== "removed")),
    roles: fc.subarray(["r", "s"]),
    upNumber: fc.integer({ min: 0, max: 3 }),
    labels: fc.constantFrom({}, { zone: "z" }, { zone: "y", appVersion: "1" }, { appVersion: "1" }),
    evidence: fc.option(evidence, { nil: undefined }),
  }, plain).map(({ evidence, labels, ...member }) =>
    evidence === undefined ? { ...member, ...labels } : { ...member, ...labels, evidence }
  );
}

function recordAt(address: string): fc.Arbitrary<MemberRecord> {
  return fc.record({
    member: memberAt(address),
    seen: fc.record({ counter: fc.integer({ min: 0, max: 3 }), digest }, plain),
    reachability: fc.record({
      version: fc.integer({ min: 0, max: 3 }),
      unreachable: fc.subarray(addresses).map((list) =>
        list.map((subject) => ({ address: subject, incarnation: 1 }))
      ),
    }, plain),
  }, plain);
}

function tombstoneAt(address: string): fc.Arbitrary<Tombstone> {
  return fc.record({
    incarnation: fc.integer({ min: 1, max: 3 }),
    removedAt: fc.integer({ min: 0, max: 3 }),
    evidence: fc.option(evidence, { nil: undefined }),
  }, plain).map(({ evidence, ...rest }) => ({ address, ...rest, ...(evidence && { evidence }) }));
}

/** Any state at all, also such as no run of the protocol would bring about. */
export const anyGossipState: fc.Arbitrary<GossipState> = fc.tuple(
  ...addresses.map((address) =>
    fc.oneof(fc.constant(undefined), recordAt(address), tombstoneAt(address))
  ),
).map((slots) => {
  const members = new Map<string, MemberRecord>();
  const tombstones = new Map<string, Tombstone>();
  slots.forEach((slot, index) => {
    if (slot === undefined) return;
    if ("member" in slot) members.set(addresses[index]!, slot);
    else tombstones.set(addresses[index]!, slot);
  });
  return { members, tombstones };
});
