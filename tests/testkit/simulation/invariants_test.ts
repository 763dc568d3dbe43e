import { assert, assertEquals } from "@std/assert";
import {
  healthyNotDowned,
  type Invariant,
  ledgerBalances,
  oneLeader,
  oneLiveOwner,
  oneOwnerPerEpoch,
  type OwnedShard,
  queuesAreBounded,
  type Simulation,
  statusMovesForward,
} from "../../../lib/testkit/mod.ts";

interface FakeMember {
  readonly address: string;
  readonly incarnation?: number;
  readonly status?: string;
}

interface FakeNode {
  readonly leader?: string;
  readonly converged?: boolean;
  readonly members?: readonly FakeMember[];
  readonly grants?: readonly OwnedShard[];
  readonly ledger?: { sent: number; delivered: number; lost?: number; inFlight: number };
  readonly queued?: number;
}

/** A simulation with these nodes, as far as invariants look at it. */
function simulationOf(...nodes: readonly FakeNode[]): Simulation {
  return {
    downings: [],
    nodes: nodes.map((
      { leader, converged = true, members = [], grants = [], ledger, queued },
      at,
    ) => ({
      name: `node-${at + 1}`,
      starts: 1,
      view: {
        members: members.map((member) => ({
          incarnation: 1,
          status: "up",
          upNumber: 1,
          ...member,
        })),
        unreachable: new Set(),
        leader,
        self: { incarnation: 1 },
        converged,
        clusterId: "cluster",
      },
      running: ledger && {
        ledger: {
          snapshot: () => ({ ...ledger, deadLetters: { stopped: ledger.lost ?? 0 } }),
        },
      },
      ownedShards: () => grants,
      queuedFor: () => ({ messages: queued ?? 0, bytes: 100 * (queued ?? 0) }),
    })),
  } as unknown as Simulation;
}

function problem(invariant: Invariant, ...steps: readonly Simulation[]): string | undefined {
  return steps.map((step) => invariant.check(step)).find((answer) => answer !== undefined);
}

const [a, b] = ["a:1", "b:1"];

Deno.test("two leaders of one converged view are seen, and no others", () => {
  const members = [{ address: a }, { address: b }];
  const one = { members, leader: a };
  assertEquals(problem(oneLeader(), simulationOf(one, one)), undefined);
  assert(
    problem(oneLeader(), simulationOf(one, { members, leader: b }))?.includes("node-2 follows b:1"),
  );
  const unsure = { members, leader: b, converged: false };
  assertEquals(problem(oneLeader(), simulationOf(one, unsure)), undefined);
  const elsewhere = { members: [{ address: b }], leader: b };
  assertEquals(problem(oneLeader(), simulationOf(one, elsewhere)), undefined);
});

Deno.test("a status that moves back is found, and an incarnation that returns", () => {
  const step = (...members: readonly FakeMember[]) => simulationOf({ members });
  const up = { address: a, status: "up" };
  const down = { address: a, status: "down" };
  assertEquals(problem(statusMovesForward(), step(up), step(down)), undefined);
  assert(problem(statusMovesForward(), step(down), step(up))?.includes("went back to up"));
  assert(problem(statusMovesForward(), step(up), step(), step(up))?.includes("went back to up"));
  const later = { ...up, incarnation: 2 };
  assertEquals(problem(statusMovesForward(), step(up), step(), step(later)), undefined);
  assert(problem(statusMovesForward(), step(later), step(up))?.includes("earlier incarnation"));
});

Deno.test("a healthy member that is declared down is seen once", () => {
  const downing = { at: 5, address: a, incarnation: 1, by: b, why: "because", healthy: false };
  const invariant = healthyNotDowned();
  const downings = [downing];
  const simulation = { downings } as unknown as Simulation;
  assertEquals(invariant.check(simulation), undefined);
  downings.push({ ...downing, healthy: true });
  assert(invariant.check(simulation)?.includes("a:1 is healthy"));
});

Deno.test("two owners of a shard are seen: of one epoch, or of any", () => {
  const grant = (epoch: number, shard = 3) => [{ shardType: "counters", shard, epoch }];
  const same = simulationOf({ grants: grant(7) }, { grants: grant(7) });
  const fenced = simulationOf({ grants: grant(7) }, { grants: grant(8) });
  const apart = simulationOf({ grants: grant(7) }, { grants: grant(7, 4) });
  assert(problem(oneOwnerPerEpoch(), same)?.includes("shard 3 of counters (epoch 7)"));
  assertEquals(problem(oneOwnerPerEpoch(), fenced), undefined);
  assert(problem(oneLiveOwner(), fenced)?.includes("node-1 and node-2 own"));
  for (const make of [oneOwnerPerEpoch, oneLiveOwner]) {
    assertEquals(problem(make(), apart), undefined);
  }
});

Deno.test("a message that is missing in the ledger is seen, and a queue that is too long", () => {
  const exact = { sent: 10, delivered: 7, lost: 2, inFlight: 1 };
  assertEquals(problem(ledgerBalances(), simulationOf({ ledger: exact })), undefined);
  assert(
    problem(ledgerBalances(), simulationOf({ ledger: { ...exact, sent: 11 } }))?.includes(
      "11 sent",
    ),
  );
  const members = [{ address: b }];
  assertEquals(problem(queuesAreBounded(5), simulationOf({ ledger: exact, members })), undefined);
  assert(problem(queuesAreBounded(0), simulationOf({ ledger: exact }))?.includes("mailboxes"));
  assert(
    problem(queuesAreBounded(5), simulationOf({ ledger: exact, members, queued: 6 }))
      ?.includes("wait for b:1"),
  );
  const large = problem(
    queuesAreBounded(10, 500),
    simulationOf({ ledger: exact, members, queued: 6 }),
  );
  assertEquals(large, "600 bytes of node-1 wait for b:1");
});
