/** Epochs that no grant can have must not overrule true ones: no later grant would overrule them. */
import { assert, assertEquals } from "@std/assert";
import type { CoordinationMessage } from "../../lib/sharding/coordinator/coordination_protocol.ts";
import type { CoordinatorView } from "../../lib/sharding/coordinator/coordinator_view.ts";
import { shardOf } from "../../lib/sharding/routing/shard_hash.ts";
import { epochBefore, isPlausibleEpoch } from "../../lib/sharding/routing/epoch.ts";
import { nextTermCount, type Term } from "../../lib/sharding/routing/term.ts";
import { ShardingMachine } from "../../lib/sharding/sharding_machine.ts";

const wallTime = Date.UTC(2026, 6, 1);
const term: Term = [nextTermCount(0, wallTime), "b:1"];
const shardType = "carts";
const numShards = 4;
const epoch = Number.MAX_SAFE_INTEGER;

const member = (address: string, upNumber: number) => ({
  address,
  incarnation: 1,
  eligible: true,
  joining: false,
  full: true,
  upNumber,
  unreachable: undefined,
  roles: [],
  appVersion: undefined,
});
const view: CoordinatorView = {
  self: "a:1",
  leader: "b:1",
  members: [member("a:1", 2), member("b:1", 1)],
};

/** The node a:1, whose coordinator is at b:1. */
function node(seen: CoordinatorView = view) {
  const lines: string[] = [];
  const lost: unknown[] = [];
  const machine = new ShardingMachine({
    self: "a:1",
    now: () => 0,
    wallTime: () => wallTime,
    onLease: () => {},
    send: () => {},
    deadLetter: (_reason, _target, message) => void lost.push(message),
    publish: () => {},
    log: (_level, message, _fields, identity) => void lines.push(`${message}: ${identity}`),
    onAnswer: () => {},
  });
  const router = machine.add({ shardType, numShards });
  machine.onView(seen);
  machine.receive("b:1", { type: "requestReport", term });
  return { machine, router, lines, lost };
}

const about = { shardType, shard: 0, epoch };
const owned = { owner: "x:1", incarnation: 1, entityId: "e", message: 7 };
const messages: readonly CoordinationMessage[] = [
  { type: "location", ...about, owner: "x:1", incarnation: 1 },
  { type: "startShard", term, config: 0, incarnation: 1, ...about },
  {
    type: "shardTableDelta",
    shardType,
    owners: ["x:1"],
    incarnations: [1],
    shards: [[0, 0, epoch]],
  },
  { type: "noRegion", shardType, epoch, entityId: "e", message: 7 },
  { type: "returned", ...about, ...owned },
  { type: "drained", ...about },
  { type: "handOff", term, ...about },
];

for (const message of messages) {
  Deno.test(`a ${message.type} with an epoch that no grant can have is ignored and logged`, () => {
    const { machine, router, lines, lost } = node();
    machine.receive("b:1", message);
    assertEquals(lines, ["ignored an epoch that no grant can have: b:1"]);
    assertEquals([router.lastEpoch, router.ownerOf(0)], [0, undefined]);
    // No loss is silent.
    assertEquals(lost, "message" in message ? [7] : []);
    const known = epochBefore(term) + 1;
    machine.receive("b:1", {
      type: "location",
      shardType,
      shard: 0,
      owner: "b:1",
      incarnation: 1,
      epoch: known,
    });
    assertEquals(router.ownerOf(0), "b:1");
  });
}

Deno.test("a report with an epoch that no grant can have counts for nothing", () => {
  for (
    const region of [
      { shardType, numShards, shards: [], lastEpoch: epoch },
      { shardType, numShards, shards: [[0, epoch, 0] as const], lastEpoch: 0 },
    ]
  ) {
    const { machine, lines } = node({ ...view, leader: "a:1" });
    machine.receive("b:1", {
      type: "shardReport",
      term,
      stamp: [1, 1],
      retiring: false,
      regions: [region],
      holders: [],
    });
    assertEquals(machine.coordinator.table(shardType), undefined);
    assertEquals(lines, ["ignored an epoch that no grant can have: b:1"]);
  }
});

Deno.test("a delivery and a flush marker with an epoch that no grant can have are refused", () => {
  for (const address of ["client:1", "b:1"]) {
    const { machine, router, lines, lost } = node();
    const sender = { address, account: "c", accountable: "c", client: undefined };
    machine.intake.receive(router, sender, ["e", 7, epoch]);
    machine.intake.receive(router, sender, [0, epoch, "x:1", "", 0]);
    machine.intake.receive(router, sender, [0, 1, "x:1", "", epoch]);
    assertEquals([lost, lines.length, router.ownerOf(0)], [[7], 3, undefined]);
  }
});

Deno.test("only the coordinator and the node that is sent to teach where a shard is", () => {
  const later = epochBefore(term) + 500;
  const claims: readonly CoordinationMessage[] = [
    { type: "location", shardType, shard: 0, epoch: later, owner: "c:1", incarnation: 1 },
    {
      type: "shardTableDelta",
      shardType,
      owners: ["c:1"],
      incarnations: [1],
      shards: [[0, 0, later]],
    },
    { type: "returned", ...about, epoch: later, ...owned, owner: "c:1", entityId: inShard(0) },
    { type: "noRegion", shardType, epoch: later, entityId: inShard(0), message: 7 },
  ];
  for (const claim of claims) {
    const { machine, router } = node();
    machine.receive("c:1", claim);
    assertEquals(router.ownerOf(0), undefined, claim.type);
    // What is true is believed afterwards, although its epoch is earlier.
    const truth = { shardType, shard: 0, epoch: later - 100, owner: "x:1", incarnation: 1 };
    machine.receive("b:1", { type: "location", ...truth });
    assertEquals(router.ownerOf(0), "x:1", claim.type);
    machine.receive("c:1", claim);
    assertEquals(router.ownerOf(0), "x:1", claim.type);
    // The owner itself corrects who sends to it.
    if (claim.type !== "location") continue;
    machine.receive("x:1", claim);
    assertEquals(router.ownerOf(0), "c:1");
  }
});

Deno.test("a flush marker of another than the coordinator teaches no location", () => {
  const { machine, router } = node();
  const marker = [0, epochBefore(term) + 1, "x:1", "", 0];
  const sender = { account: "n", accountable: "n", client: undefined };
  for (const address of ["z:1", "a:1"]) {
    machine.intake.receive(router, { ...sender, address }, marker);
    assertEquals(router.ownerOf(0), undefined);
  }
  machine.intake.receive(router, { ...sender, address: "b:1" }, marker);
  assertEquals(router.ownerOf(0), "x:1");
});

Deno.test("an epoch is plausible as long as a later term can overrule it", () => {
  const [count] = term;
  assert(isPlausibleEpoch(0, 0, 0));
  assert(isPlausibleEpoch(epochBefore([count + 1_000, ""]), count, wallTime));
  assert(!isPlausibleEpoch(epochBefore([count + 1_000_001, ""]), count, wallTime));
  assert(isPlausibleEpoch(epochBefore([count, ""]), 0, wallTime), "by wall time, on a new node");
});

/** An entity of a shard. */
function inShard(shard: number): string {
  for (let i = 0;; i++) if (shardOf(`e${i}`, numShards) === shard) return `e${i}`;
}
