import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { stableAfter } from "../../lib/membership/downing/downing.ts";
import { keepMajority as majorityStrategy } from "../../lib/membership/downing/keep_majority.ts";
import type { Member, MemberStatus } from "../../lib/membership/state/member.ts";

function members(
  count: number,
  status: (index: number) => MemberStatus = () => "up",
): Member[] {
  return Array.from({ length: count }, (_, index) => ({
    address: `n${index}:1`,
    nodeId: `n${index}`,
    incarnation: 1,
    status: status(index),
    roles: [],
    upNumber: status(index) === "joining" ? 0 : index + 1,
  }));
}

const keepMajority = (all: readonly Member[], unreachable: ReadonlySet<string>, self: string) =>
  majorityStrategy().decide({ members: all, unreachable, self });

const names = (...indexes: number[]) => new Set(indexes.map((index) => `n${index}:1`));

Deno.test("the decision is `keep` while all members are reachable", () => {
  assertEquals(keepMajority(members(3), new Set(), "n0:1").outcome, "keep");
});

Deno.test("the majority downs the minority, and the minority downs itself", () => {
  const all = members(5);
  assertEquals(keepMajority(all, names(3, 4), "n0:1"), {
    outcome: "downUnreachable",
    why: "3 of 5 members are reachable",
  });
  assertEquals(keepMajority(all, names(0, 1, 2), "n3:1"), {
    outcome: "downSelf",
    why: "2 of 5 members are reachable",
  });
});

Deno.test("an even split goes to the side of the oldest, whatever its address", () => {
  const all = members(4).map((member, index) => ({ ...member, upNumber: 4 - index }));
  assertEquals(keepMajority(all, names(0, 1), "n3:1").outcome, "downUnreachable");
  const loser = keepMajority(all, names(2, 3), "n0:1");
  assertEquals(loser.outcome, "downSelf");
  assertEquals(loser.why, "2 of 4 members are reachable, without the oldest, n3:1");
});

Deno.test("an unreachable member leaves the decision to the others", () => {
  assertEquals(keepMajority(members(5), names(0, 4), "n4:1").outcome, "keep");
});

Deno.test("unreachable joining or leaving members never cost the majority", () => {
  const all = members(5, (index) => index < 3 ? "up" : index === 3 ? "joining" : "leaving");
  assertEquals(keepMajority(all, names(3, 4), "n0:1").outcome, "downUnreachable");
});

Deno.test("members that are down count as unreachable until they are removed", () => {
  const all = members(5, (index) => index < 3 ? "up" : "down");
  assertEquals(keepMajority(all, new Set(), "n0:1").outcome, "keep");
  assertEquals(keepMajority(all, names(2), "n0:1").outcome, "downSelf");
  assertEquals(keepMajority(all.slice(0, 4), names(2), "n0:1").outcome, "downUnreachable");
});

Deno.test("two sides of a partition never both survive, even with different knowledge", () => {
  // Each member: its side, and its status as both sides know it. On its own side, a member may
  // have moved on since: from joining to up if all had been reachable, or from up to leaving.
  const shape = fc.array(
    fc.record({
      side: fc.boolean(),
      status: fc.constantFrom<MemberStatus>("joining", "up", "up", "up", "leaving"),
      // It has restarted before the cut: it is joining again, and the other side may not know.
      restarts: fc.boolean(),
      heard: fc.boolean(),
    }),
    { minLength: 2, maxLength: 12 },
  );
  const moves = fc.record({
    promotingSide: fc.boolean(),
    promoted: fc.boolean(),
    leavers: fc.array(fc.nat(11), { maxLength: 4 }),
  });
  fc.assert(
    fc.property(shape, moves, (cast, { promotingSide, promoted, leavers }) => {
      const decide = (side: boolean) => {
        const view = members(cast.length, (index) => {
          const { status, side: home, restarts, heard } = cast[index]!;
          if (status === "up" && restarts && (home === side || heard)) return "joining";
          if (status === "joining" && promoted && side === promotingSide) return "up";
          // The gossip of a member that starts to leave after the cut stays on its own side.
          if (status === "up" && leavers.includes(index) && home === side) return "leaving";
          return status;
        })
          // Who is promoted later is younger.
          .map((member, index) =>
            cast[index]!.status === "joining" && member.status === "up"
              ? { ...member, upNumber: 100 + index }
              : cast[index]!.status === "up" && member.status === "joining"
              ? { ...member, inheritedNumber: index + 1 }
              : member
          );
        // A side without a full member does not decide: its nodes give the cluster up.
        const decides = ({ upNumber }: Member, index: number) =>
          upNumber > 0 && cast[index]!.side === side;
        if (!view.some(decides)) return "downSelf";
        const self = cast.findIndex((member) => member.side === side);
        if (self < 0) return "downSelf";
        const unreachable = names(...cast.keys().filter((index) => cast[index]!.side !== side));
        return keepMajority(view, unreachable, `n${self}:1`).outcome;
      };
      if (cast.every(({ side }) => side) || cast.every(({ side }) => !side)) return;
      // Without full members there is nothing that two sides could both own.
      if (!cast.some(({ status }) => status === "up")) return;
      assert(!(decide(true) === "downUnreachable" && decide(false) === "downUnreachable"));
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("exactly one side of a clean partition of up members survives", () => {
  fc.assert(fc.property(fc.array(fc.boolean(), { minLength: 2, maxLength: 15 }), (sides) => {
    const first = sides.indexOf(true);
    const second = sides.indexOf(false);
    if (first < 0 || second < 0) return;
    const all = members(sides.length);
    const indexes = (side: boolean) => [...sides.keys()].filter((index) => sides[index] === side);
    const outcomes = [
      keepMajority(all, names(...indexes(false)), `n${first}:1`).outcome,
      keepMajority(all, names(...indexes(true)), `n${second}:1`).outcome,
    ];
    assertEquals(outcomes.sort(), ["downSelf", "downUnreachable"]);
  }));
});

for (
  const [size, time] of [
    [1, 7_000],
    [5, 7_000],
    [10, 10_000],
    [15, 11_500],
    [20, 13_000],
    [50, 17_000],
    [100, 20_000],
    [1_000, 30_000],
    [5_000, 30_000],
  ] as const
) {
  Deno.test(`${size} members must be stable for ${time} ms`, () => {
    assertEquals(stableAfter(size), time);
  });
}
