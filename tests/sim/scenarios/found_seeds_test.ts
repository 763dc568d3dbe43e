/**
 * Seeds that have found something, with the faults that were left of them. What a seed makes of a
 * scenario changes with the code: each keeps the situation, which may be seen otherwise by now.
 *
 * @module
 */
import { type Fault, type Scenario, simulate } from "../../../lib/testkit/mod.ts";
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

for (const { what, seed, scenario, faults } of [...asksAfterReturn, ...grantsAfterRecovery]) {
  Deno.test(`${what} (${scenario.name}, seed ${seed})`, async () => {
    await simulate({ seed, faults, shrink: 0, failures: false }, scenario);
  });
}
