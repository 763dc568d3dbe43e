import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { contentDigest, fullDigest } from "../../lib/membership/state/digest.ts";
import {
  emptyGossip,
  mergeGossip,
  newRecord,
  withMember,
  withoutMember,
  withoutOldTombstones,
} from "../../lib/membership/state/gossip_state.ts";
import { type Member, statusRank } from "../../lib/membership/state/member.ts";
import { anyGossipState } from "./arbitraries.ts";

const member: Member = {
  address: "a:1",
  nodeId: "a",
  incarnation: 5,
  status: "up",
  roles: [],
  upNumber: 1,
};

Deno.test("merging is commutative", () => {
  fc.assert(
    fc.property(anyGossipState, anyGossipState, (a, b) => {
      const ab = mergeGossip(a, b);
      assertEquals(mergeGossip(b, a), ab);
      assertEquals(fullDigest(mergeGossip(b, a)), fullDigest(ab));
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("merging is associative", () => {
  fc.assert(
    fc.property(anyGossipState, anyGossipState, anyGossipState, (a, b, c) => {
      assertEquals(mergeGossip(mergeGossip(a, b), c), mergeGossip(a, mergeGossip(b, c)));
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("merging is idempotent and returns the same object if nothing is new", () => {
  fc.assert(
    fc.property(anyGossipState, anyGossipState, (a, b) => {
      assertStrictEquals(mergeGossip(a, structuredClone(a)), a);
      const ab = mergeGossip(a, b);
      assertStrictEquals(mergeGossip(ab, structuredClone(b)), ab);
      assertStrictEquals(mergeGossip(ab, a), ab);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("within one incarnation a status only moves forward", () => {
  fc.assert(fc.property(anyGossipState, anyGossipState, (a, b) => {
    const merged = mergeGossip(a, b);
    for (const state of [a, b]) {
      for (const [address, { member }] of state.members) {
        const later = merged.members.get(address)?.member;
        if (later === undefined) continue;
        assert(later.incarnation >= member.incarnation);
        if (later.incarnation > member.incarnation) continue;
        assert(statusRank(later.status) >= statusRank(member.status));
      }
    }
  }));
});

Deno.test("stale gossip does not restore a removed member, a later incarnation does", () => {
  const alive = withMember(emptyGossip, member);
  const removed = withoutMember(alive, "a:1", 100);
  assertEquals(removed.members.size, 0);
  assertStrictEquals(mergeGossip(removed, alive), removed);
  const reborn = withMember(emptyGossip, { ...member, incarnation: 6, status: "joining" });
  const merged = mergeGossip(removed, reborn);
  assertEquals(merged.members.get("a:1")?.member.status, "joining");
  assertEquals(merged.tombstones.size, 0);
});

Deno.test("a later incarnation of a member starts with an empty record", () => {
  let state = withMember(emptyGossip, member);
  const record = state.members.get("a:1")!;
  state = {
    ...state,
    members: new Map([["a:1", { ...record, seen: { counter: 9, digest: "f".repeat(16) } }]]),
  };
  const reborn = { ...member, incarnation: 6 };
  assertEquals(withMember(state, reborn).members.get("a:1"), newRecord(reborn));
});

Deno.test("tombstones expire after their lifetime, and the newest are kept beyond the limit", () => {
  let state = emptyGossip;
  for (let i = 0; i < 5; i++) {
    state = withMember(state, { ...member, address: `n${i}:1` });
    state = withoutMember(state, `n${i}:1`, i * 10);
  }
  assertEquals([...withoutOldTombstones(state, 20, 10).tombstones.keys()].sort(), [
    "n2:1",
    "n3:1",
    "n4:1",
  ]);
  assertEquals([...withoutOldTombstones(state, 0, 2).tombstones.keys()], ["n4:1", "n3:1"]);
  assertStrictEquals(withoutOldTombstones(state, 0, 5), state);
});

Deno.test("the content digest depends on members only, not on their order or seen digests", () => {
  const other = { ...member, address: "b:1", upNumber: 2 };
  const ab = withMember(withMember(emptyGossip, member), other);
  const ba = withMember(withMember(emptyGossip, other), { ...member });
  assertEquals(contentDigest(ab), contentDigest(ba));
  const record = ab.members.get("a:1")!;
  const changed = {
    ...ab,
    members: new Map(ab.members).set("a:1", { ...record, seen: { counter: 1, digest: "" } }),
  };
  assertEquals(contentDigest(changed), contentDigest(ab));
  assert(fullDigest(changed) !== fullDigest(ab));
  const moved = withMember(ab, { ...member, status: "leaving" });
  assert(contentDigest(moved) !== contentDigest(ab));
  assertEquals(contentDigest(emptyGossip).length, 16);
});
