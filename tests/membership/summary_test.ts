import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { fullDigest } from "../../lib/membership/state/digest.ts";
import {
  emptyGossip,
  type GossipState,
  mergeGossip,
  newerThan,
  newRecord,
  withMember,
} from "../../lib/membership/state/gossip_state.ts";
import {
  compareSummary,
  isRequest,
  isSummary,
  requestedBy,
  summaryOf,
} from "../../lib/membership/state/summary.ts";
import { anyGossipState } from "./arbitraries.ts";

/** The exchange as two members hold it, of which the first begins. */
function exchange(
  a: GossipState,
  b: GossipState,
  salt: number,
): readonly [GossipState, GossipState] {
  const { missing, requested } = compareSummary(b, summaryOf(a, salt), salt);
  a = mergeGossip(a, missing);
  b = mergeGossip(b, newerThan(missing, a));
  const granted = requestedBy(a, requested, salt);
  b = mergeGossip(b, granted);
  return [mergeGossip(a, newerThan(granted, b)), b];
}

Deno.test("after one exchange both sides have equal members, whatever each had before", () => {
  fc.assert(
    fc.property(anyGossipState, anyGossipState, fc.nat(0xffff_ffff), (ours, theirs, salt) => {
      const [a, b] = exchange(ours, theirs, salt);
      const merged = mergeGossip(ours, theirs);
      assertEquals(a.members, merged.members);
      assertEquals(b.members, merged.members);
      assertEquals(fullDigest(a), fullDigest(b));
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("two members with equal records exchange nothing", () => {
  fc.assert(
    fc.property(anyGossipState, fc.nat(0xffff_ffff), (state, salt) => {
      const copy = structuredClone(state);
      const { missing, requested } = compareSummary(copy, summaryOf(state, salt), salt);
      assertEquals(missing.members.size + missing.tombstones.size + requested.length, 0);
    }),
    { numRuns: 500 },
  );
});

function cluster(size: number): GossipState {
  let state = emptyGossip;
  for (let i = 0; i < size; i++) state = withMember(state, memberOf(i));
  return state;
}

const memberOf = (i: number) => ({
  address: `10.0.${i >> 8}.${i & 255}:25520`,
  nodeId: `node-${i}`,
  incarnation: 1_700_000_000_000,
  status: "up" as const,
  roles: [],
  upNumber: i + 1,
});

Deno.test("among 1,000 members only different records are sent", () => {
  const ours = cluster(1_000);
  const { members, tombstones } = ours;
  const changed = newRecord({ ...memberOf(500), status: "leaving" });
  const theirs = { members: new Map(members).set(memberOf(500).address, changed), tombstones };
  const summary = summaryOf(ours, 3);
  assertEquals(summary.length, 8_000);
  const { missing, requested } = compareSummary(theirs, summary, 3);
  assertEquals(missing.members.size, 0);
  assertEquals(requested.length, 4);
  assertEquals([...requestedBy(ours, requested, 3).members.keys()], [memberOf(500).address]);
});

Deno.test("fingerprints differ with the salt, so that no collision lasts", () => {
  const state = cluster(100);
  const pairs = (salt: number) => new Set(new Uint32Array(summaryOf(state, salt).buffer));
  const first = pairs(1);
  assertEquals(first.size, 200);
  assert([...pairs(2)].every((word) => !first.has(word)));
});

Deno.test("malformed summaries and requests are rejected", () => {
  assert(isSummary(new Uint8Array(16), 2));
  for (const bad of [undefined, [1, 2], "text", new Uint8Array(7), new Uint8Array(24)]) {
    assert(!isSummary(bad, 2));
  }
  assert(isRequest(new Uint8Array(8), 2));
  for (const bad of [null, {}, new Uint8Array(3), new Uint8Array(12)]) assert(!isRequest(bad, 2));
});
