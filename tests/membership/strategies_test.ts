import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { downAll } from "../../lib/membership/downing/down_all.ts";
import { decideAround, type DowningStrategy } from "../../lib/membership/downing/downing.ts";
import { OptionError } from "../../lib/options/option_error.ts";
import { keepMajority } from "../../lib/membership/downing/keep_majority.ts";
import { keepOldest } from "../../lib/membership/downing/keep_oldest.ts";
import { decideByLease } from "../../lib/membership/downing/lease_majority.ts";
import type { Member, MemberStatus } from "../../lib/membership/state/member.ts";
import { staticQuorum } from "../../lib/membership/downing/static_quorum.ts";
import { formed } from "./formed_cluster.ts";

function members(statuses: readonly MemberStatus[]): Member[] {
  return statuses.map((status, index) => ({
    address: `n${index}:1`,
    nodeId: `n${index}`,
    incarnation: 1,
    status,
    roles: [],
    upNumber: status === "joining" ? 0 : index + 1,
  }));
}

const up = (count: number) => members(Array<MemberStatus>(count).fill("up"));
const names = (...indexes: readonly number[]) => new Set(indexes.map((index) => `n${index}:1`));

function decide(strategy: DowningStrategy, all: readonly Member[], unreachable: readonly number[]) {
  const self = all.findIndex((_, index) => !unreachable.includes(index));
  return strategy.decide({ members: all, unreachable: names(...unreachable), self: `n${self}:1` });
}

/** Who is on which side, what all knew before the cut, and what one side alone has learned since. */
const cast = fc.array(
  fc.record({
    side: fc.boolean(),
    status: fc.constantFrom<MemberStatus>("joining", "up", "up", "up", "leaving"),
    /** It has restarted before the cut: it is joining again, and the other side may not know. */
    restarts: fc.boolean(),
    heard: fc.boolean(),
    /** It starts to leave after the cut, which only its own side learns. */
    leavesLate: fc.boolean(),
  }),
  { minLength: 2, maxLength: 10 },
);

const strategies: readonly (readonly [string, DowningStrategy])[] = [
  ["keepMajority", keepMajority()],
  ...[1, 2, 3, 4].map((size) => [`staticQuorum ${size}`, staticQuorum({ size })] as const),
  ["keepOldest", keepOldest()],
  ["keepOldest, also alone", keepOldest({ downIfAlone: false })],
  ["downAll", downAll()],
];

for (const [name, strategy] of strategies) {
  Deno.test(`${name}: two sides of a partition never both survive`, () => {
    fc.assert(
      fc.property(cast, fc.boolean(), fc.boolean(), (people, promotes, promotingSide) => {
        if (new Set(people.map(({ side }) => side)).size < 2) return;
        if (!people.some(({ status }) => status === "up")) return;
        const outcome = (side: boolean) => {
          const view = members(people.map((one) => {
            if (one.status === "joining") {
              return promotes && side === promotingSide ? "up" : "joining";
            }
            if (one.status !== "up") return one.status;
            if (one.restarts) return one.side === side || one.heard ? "joining" : "up";
            if (one.leavesLate && one.side === side) return "leaving";
            return one.status;
          })).map((member, index) =>
            people[index]!.status === "joining" && member.status === "up"
              ? { ...member, upNumber: 100 + index }
              : people[index]!.status === "up" && member.status === "joining"
              ? { ...member, inheritedNumber: index + 1 }
              : member
          );
          // A side without a full member does not decide: its nodes give the cluster up.
          const decides = (one: Member, index: number) =>
            people[index]!.side === side && one.upNumber > 0;
          if (!view.some(decides)) return "downSelf";
          const unreachable = people.flatMap((one, index) => one.side === side ? [] : [index]);
          return decide(strategy, view, unreachable).outcome;
        };
        assert(!(outcome(true) === "downUnreachable" && outcome(false) === "downUnreachable"));
      }),
      { numRuns: 3_000 },
    );
  });

  Deno.test(`${name}: two sides never both survive, even with stalled members`, () => {
    const places = fc.array(fc.constantFrom("left", "right", "still"), {
      minLength: 2,
      maxLength: 9,
    });
    fc.assert(
      fc.property(places, (where) => {
        const all = up(where.length);
        // Those that stand still answer both sides, which is the worst case.
        const stalled = names(...where.keys().filter((index) => where[index] === "still"));
        const outcome = (side: "left" | "right") => {
          const self = where.indexOf(side);
          if (self < 0) return "downSelf";
          const unreachable = names(...where.keys().filter((index) => where[index] !== side));
          return decideAround(strategy, { members: all, unreachable, self: `n${self}:1` }, stalled)
            .outcome;
        };
        assert(!(outcome("left") === "downUnreachable" && outcome("right") === "downUnreachable"));
      }),
      { numRuns: 2_000 },
    );
  });
}

Deno.test("a quorum of more than half keeps exactly the side that has it", () => {
  const five = up(5);
  assertEquals(decide(staticQuorum({ size: 3 }), five, [3, 4]), {
    outcome: "downUnreachable",
    why: "3 up members are reachable and the quorum is 3",
  });
  assertEquals(decide(staticQuorum({ size: 3 }), five, [0, 1, 2]).outcome, "downSelf");
  // Three are left of five; the next crash leaves too few.
  assertEquals(decide(staticQuorum({ size: 3 }), up(3), [2]).outcome, "downSelf");
});

Deno.test("with more members than the quorum allows, an even partition stops both sides", () => {
  const decision = decide(staticQuorum({ size: 2 }), up(4), [2, 3]);
  assertEquals(decision.outcome, "downSelf");
  assert(decision.why.includes("raise size"), decision.why);
});

Deno.test("an invalid quorum is rejected by name", () => {
  for (const size of [0, -1, 1.5, NaN]) {
    const error = assertThrows(() => staticQuorum({ size }), OptionError);
    assert(error.message.startsWith("size: "), error.message);
  }
});

Deno.test("the side of the oldest survives, unless it is alone", () => {
  assertEquals(decide(keepOldest(), up(5), [2, 3, 4]).outcome, "downUnreachable");
  assertEquals(decide(keepOldest(), up(5), [0, 1]).outcome, "downSelf");
  assertEquals(decide(keepOldest(), up(5), [1, 2, 3, 4]).outcome, "downSelf");
  assertEquals(decide(keepOldest(), up(5), [0]).outcome, "downUnreachable");
  const strict = keepOldest({ downIfAlone: false });
  assertEquals(decide(strict, up(5), [1, 2, 3, 4]).outcome, "downUnreachable");
  assertEquals(decide(strict, up(5), [0]).outcome, "downSelf");
});

Deno.test("of two members, the younger survives with keepOldest, but not with keepMajority", () => {
  assertEquals(decide(keepOldest(), up(2), [0]).outcome, "downUnreachable");
  assertEquals(decide(keepMajority(), up(2), [0]).outcome, "downSelf");
  assertEquals(decide(keepMajority(), up(2), [1]).outcome, "downUnreachable");
});

Deno.test("with downAll no side continues without the others", () => {
  assertEquals(decide(downAll(), up(5), [4]).outcome, "downSelf");
  assertEquals(decide(downAll(), up(5), []).outcome, "keep");
});

Deno.test("the larger side requests the lease at once, the smaller one later", () => {
  assertEquals(decide(decideByLease(), up(5), [3, 4]).delay, 0);
  const smaller = decide(decideByLease(3_000), up(5), [0, 1, 2]);
  assertEquals([smaller.outcome, smaller.delay], ["acquireLease", 3_000]);
});

for (const count of [2, 4, 5]) {
  Deno.test(`of ${count} members with a lease, the side that acquires it survives`, () => {
    const { world, nodes } = formed(count, count, { downing: decideByLease() });
    const half = Math.floor(count / 2);
    world.partition(nodes.slice(0, half), nodes.slice(half));
    world.run(60_000);
    const sides = [nodes.slice(0, half), nodes.slice(half)];
    const alive = sides.filter((side) => side.every(({ downed }) => downed === undefined));
    const dead = sides.filter((side) => side.every(({ downed }) => downed !== undefined));
    assertEquals([alive.length, dead.length], [1, 1]);
    assert(alive[0]!.some(({ address }) => address === world.leaseHolder));
    const why = dead[0]!.map(({ downed }) => downed!.why).join();
    assert(why.includes("holds the lease"), why);
    world.run(60_000);
    assertEquals(world.leaseHolder, undefined, "it is given back in the end");
  });
}

Deno.test("if the lease store is unavailable, both sides stop", () => {
  const { world, nodes } = formed(4, 4, { downing: decideByLease() });
  world.leaseFails = true;
  world.partition(nodes.slice(0, 2), nodes.slice(2));
  world.run(60_000);
  for (const { downed } of nodes) assert(downed?.why.includes("lease is unavailable"), downed?.why);
});

Deno.test("while partitions change, no two groups down each other and survive", () => {
  for (const [name, strategy] of [...strategies, ["lease", decideByLease()] as const]) {
    for (let seed = 1; seed <= 6; seed++) {
      const { world, nodes } = formed(seed, 5, { downing: strategy });
      let random = seed;
      for (let change = 0; change < 6; change++) {
        random = Math.imul(random, 1_664_525) + 1_013_904_223 >>> 0;
        const side = nodes.filter((_, index) => random >>> (index + 8) & 1);
        world.partition(side, nodes.filter((node) => !side.includes(node)));
        world.run(4_000 + random % 12_000);
      }
      world.run(60_000);
      const alive = nodes.filter(({ alive }) => alive);
      for (const one of alive) {
        for (const other of alive) {
          const knows = one.view.members.some(({ address, status }) =>
            address === other.address && status !== "down"
          );
          assert(knows, `${name}, seed ${seed}: ${one.address} has removed ${other.address}`);
        }
      }
    }
  }
});
