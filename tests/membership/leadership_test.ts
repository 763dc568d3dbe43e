import { assertEquals } from "@std/assert";
import { convergence } from "../../lib/membership/state/convergence.ts";
import { contentDigest } from "../../lib/membership/state/digest.ts";
import {
  emptyGossip,
  type GossipState,
  withMember,
  withRecord,
} from "../../lib/membership/state/gossip_state.ts";
import { leaderActions } from "../../lib/membership/machine/leader.ts";
import { leaderOf } from "../../lib/membership/machine/leader.ts";
import type { Member, MemberStatus } from "../../lib/membership/state/member.ts";
import {
  observersAgainst,
  unreachableMembers,
} from "../../lib/membership/detector/reachability.ts";

function member(name: string, status: MemberStatus, upNumber = 0, incarnation = 1): Member {
  return { address: `${name}:1`, nodeId: name, incarnation, status, roles: [], upNumber };
}

const none: ReadonlySet<string> = new Set();

Deno.test("the oldest member that is up leads, not the one with the lowest address", () => {
  const members = [member("a", "up", 3), member("b", "up", 1), member("c", "up", 2)];
  assertEquals(leaderOf(members, none), "b:1");
  assertEquals(leaderOf(members, new Set(["b:1"])), "c:1");
});

Deno.test("two members with equal up numbers are ordered by address", () => {
  assertEquals(leaderOf([member("b", "up", 1), member("a", "up", 1)], none), "a:1");
});

Deno.test("a leaving older member leads only if no other is up", () => {
  const leaving = member("a", "leaving", 1);
  assertEquals(leaderOf([leaving, member("b", "up", 2)], none), "b:1");
  assertEquals(leaderOf([leaving, member("b", "exiting", 2)], none), "a:1");
  assertEquals(leaderOf([leaving, member("b", "joining")], none), "a:1");
});

Deno.test("before any member is up, the earliest joining one leads; down members never lead", () => {
  const members = [member("a", "joining", 0, 2), member("b", "joining", 0, 1)];
  assertEquals(leaderOf(members, none), "b:1");
  assertEquals(leaderOf([member("a", "down", 1)], none), undefined);
  assertEquals(leaderOf([], none), undefined);
});

Deno.test("the leader confirms joining members in the order in which they started", () => {
  const members = [
    member("a", "up", 7),
    member("b", "joining", 0, 20),
    member("c", "joining", 0, 10),
  ];
  assertEquals(leaderActions(members, none), {
    moved: [member("c", "up", 8, 10), member("b", "up", 9, 20)],
    removed: [],
  });
});

Deno.test("the leader moves leaving members on and removes those that are gone", () => {
  const members = [
    member("a", "up", 1),
    member("b", "leaving", 2),
    member("c", "exiting", 3),
    member("d", "down", 4),
  ];
  assertEquals(leaderActions(members, none), {
    moved: [member("b", "exiting", 2)],
    removed: [member("c", "exiting", 3), member("d", "down", 4)],
  });
});

Deno.test("the set of voters does not change while an up member is unreachable", () => {
  const members = [
    member("a", "up", 1),
    member("b", "up", 2),
    member("c", "joining"),
    member("d", "leaving", 3),
    member("e", "down", 4),
  ];
  assertEquals(leaderActions(members, new Set(["b:1"])), {
    moved: [member("d", "exiting", 3)],
    removed: [],
  });
  const onlyJoining = [member("a", "up", 1), member("b", "joining"), member("c", "joining")];
  assertEquals(leaderActions(onlyJoining, new Set(["b:1"])).moved, [member("c", "up", 2)]);
});

function stateOf(members: readonly Member[]): GossipState {
  return members.reduce(withMember, emptyGossip);
}

function accuses(
  state: GossipState,
  observer: string,
  unreachable: readonly string[],
  incarnation = 1,
): GossipState {
  const record = state.members.get(`${observer}:1`)!;
  const subjects = unreachable.map((name) => ({ address: `${name}:1`, incarnation }));
  return withRecord(state, { ...record, reachability: { version: 1, unreachable: subjects } });
}

const three = stateOf([member("a", "up", 1), member("b", "up", 2), member("c", "up", 3)]);

Deno.test("one observer is not enough while a second may accuse", () => {
  const accused = accuses(three, "b", ["c"]);
  assertEquals(unreachableMembers(accused, "a:1"), new Set());
  assertEquals(unreachableMembers(accuses(accused, "a", ["c"]), "a:1"), new Set(["c:1"]));
});

Deno.test("a broken link between two members makes neither of them unreachable", () => {
  const state = accuses(accuses(three, "b", ["c"]), "c", ["b"]);
  for (const self of ["a:1", "b:1", "c:1"]) {
    assertEquals(unreachableMembers(state, self), new Set());
  }
});

Deno.test("an isolated observer counts its own accusations; the others do not", () => {
  const state = accuses(three, "a", ["b", "c"]);
  assertEquals(unreachableMembers(state, "a:1"), new Set(["b:1", "c:1"]));
  assertEquals(unreachableMembers(state, "b:1"), new Set());
});

Deno.test("of two members, each counts its own accusation", () => {
  const two = stateOf([member("a", "up", 1), member("b", "up", 2)]);
  assertEquals(unreachableMembers(accuses(two, "a", ["b"]), "a:1"), new Set(["b:1"]));
});

Deno.test("accusations by leaving or unreachable members do not count", () => {
  const four = stateOf([
    member("a", "up", 1),
    member("b", "leaving", 2),
    member("c", "up", 3),
    member("d", "up", 4),
  ]);
  assertEquals(
    unreachableMembers(accuses(accuses(four, "a", ["d"]), "b", ["d"]), "a:1"),
    new Set(),
  );
  const old = accuses(accuses(accuses(four, "a", ["d"]), "d", ["c"]), "b", ["c"]);
  assertEquals(unreachableMembers(old, "a:1"), new Set());
});

Deno.test("an accusation ends with the incarnation and with the removal of the accused", () => {
  const accused = accuses(accuses(three, "a", ["c"]), "b", ["c"]);
  assertEquals(observersAgainst(accused, "c:1").map(({ observer }) => observer), ["a:1", "b:1"]);
  const reborn = withMember(accused, member("c", "joining", 0, 2));
  assertEquals(unreachableMembers(reborn, "a:1"), new Set());
  const dead = withMember(accused, member("c", "down", 3));
  assertEquals(unreachableMembers(dead, "a:1"), new Set());
});

Deno.test("convergence names the members that have not seen the current state", () => {
  const digest = contentDigest(three);
  let state = three;
  for (const name of ["a", "b"]) {
    const record = state.members.get(`${name}:1`)!;
    state = withRecord(state, { ...record, seen: { counter: 1, digest } });
  }
  assertEquals(convergence(state, none), { converged: false, missing: ["c:1"] });
  assertEquals(convergence(state, new Set(["c:1"])), { converged: true, missing: [] });
  const moved = withMember(state, member("b", "leaving", 2));
  assertEquals(convergence(moved, none).missing, ["a:1", "b:1", "c:1"]);
});

Deno.test("exiting and down members do not block convergence", () => {
  const state = stateOf([member("a", "exiting", 1), member("b", "down", 2)]);
  assertEquals(convergence(state, none), { converged: true, missing: [] });
});
