/**
 * Seeds that have found something, with the faults that were left of them. What a seed makes of a
 * scenario changes with the code: each keeps the situation, which may be seen otherwise by now.
 *
 * @module
 */
import { type Fault, type Scenario, simulate } from "../../../lib/testkit/mod.ts";
import { rememberedOnDisk } from "./disks.ts";
import { bothDie, majorityLost } from "./sharding.ts";

interface FoundSeed {
  readonly what: string;
  readonly seed: number;
  readonly scenario: Scenario;
  readonly faults: readonly Fault[];
}

/** The dial back-off of the user lane outlasted the return of the peer: asks were lost for 25 s. */
const asksAfterReturn: readonly FoundSeed[] = [
  {
    what: "asks reach two nodes that have come back after a crash",
    seed: 7_004_735,
    scenario: majorityLost,
    faults: [
      { type: "crash", at: 5_096, node: "node-1", silently: false, restartAfter: 13_230 },
      { type: "crash", at: 5_081, node: "node-3", silently: false, restartAfter: 8_803 },
    ],
  },
  {
    what: "asks reach an owner that has left, returned and crashed",
    seed: 7_001_817,
    scenario: bothDie,
    faults: [{ type: "stop", at: 1_000, node: "node-3", restartAfter: 2_850, identity: "same" }],
  },
  {
    what: "asks reach an owner that has left and returned at a new address",
    seed: 7_006_121,
    scenario: bothDie,
    faults: [{ type: "stop", at: 1_000, node: "node-2", restartAfter: 3_255, identity: "new" }],
  },
];

/** A coordinator waited for ever for the leases of holders that its new term had forgotten. */
const grantsAfterRecovery: readonly FoundSeed[] = [
  {
    what: "shards are granted after most voters have died twice",
    seed: 1_001_061,
    scenario: bothDie,
    faults: [{ type: "stop", at: 1_000, node: "node-2", restartAfter: 3_488, identity: "same" }],
  },
];

/** An owner that was cut off, and replaced, overwrote the list that the next owner had saved. */
const listsOfLaterOwners: readonly FoundSeed[] = [
  {
    what: "a replaced owner does not overwrite what the next one has remembered",
    seed: 10_001_879,
    scenario: rememberedOnDisk,
    faults: [
      { "type": "stop", "at": 970, "node": "node-1", "restartAfter": 105, "identity": "same" },
      { "type": "diskFull", "at": 4002, "for": 1443, "node": "node-2" },
      { "type": "diskFull", "at": 7877, "for": 545, "node": "node-2" },
      {
        "type": "diskError",
        "at": 11029,
        "for": 4213,
        "node": "node-1",
        "operation": "sync",
        "probability": 0.351,
      },
      {
        "type": "diskError",
        "at": 11662,
        "for": 644,
        "node": "node-3",
        "operation": "write",
        "probability": 0.398,
      },
      {
        "type": "diskError",
        "at": 14438,
        "for": 15936,
        "node": "node-1",
        "operation": "write",
        "probability": 0.386,
      },
      { "type": "diskFull", "at": 19173, "for": 24174, "node": "node-1" },
      { "type": "diskSlow", "at": 22435, "for": 369, "node": "node-3", "delay": 163 },
      {
        "type": "diskError",
        "at": 26525,
        "for": 17449,
        "node": "node-1",
        "operation": "sync",
        "probability": 0.064,
      },
      {
        "type": "diskError",
        "at": 26697,
        "for": 410,
        "node": "node-2",
        "operation": "read",
        "probability": 0.227,
      },
      { "type": "diskSlow", "at": 32069, "for": 11291, "node": "node-2", "delay": 420 },
      {
        "type": "partition",
        "at": 32193,
        "for": 21609,
        "between": ["node-1"],
        "and": ["node-2", "node-3"],
      },
      { "type": "diskFull", "at": 37028, "for": 8225, "node": "node-3" },
      { "type": "diskSlow", "at": 48019, "for": 19714, "node": "node-1", "delay": 1408 },
      { "type": "diskFull", "at": 56477, "for": 16910, "node": "node-3" },
      {
        "type": "diskError",
        "at": 79384,
        "for": 309,
        "node": "node-3",
        "operation": "sync",
        "probability": 0.272,
      },
      {
        "type": "diskError",
        "at": 86742,
        "for": 1382,
        "node": "node-2",
        "operation": "write",
        "probability": 0.082,
      },
    ],
  },
];

const found = [...asksAfterReturn, ...grantsAfterRecovery, ...listsOfLaterOwners];
for (const { what, seed, scenario, faults } of found) {
  Deno.test(`${what} (${scenario.name}, seed ${seed})`, async () => {
    await simulate({ seed, faults, shrink: 0, failures: false }, scenario);
  });
}
