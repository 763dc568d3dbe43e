import { assert, assertEquals } from "@std/assert";
import { faultsOf, runKills } from "../../bench/replication/kills.ts";

/** `deno task soak:replication-kills` does a hundred of each. */
const runs = [{ store: "memory", kills: 3 }, { store: "sqlite", kills: 8 }] as const;

for (const { store, kills } of runs) {
  Deno.test(`${store}: every acknowledged write is there after kill -9 of owners and copies`, async () => {
    const told: string[] = [];
    const run = await runKills({ store, kills, writers: 16, tell: (line) => told.push(line) });
    assertEquals(faultsOf(run, kills), [], told.join("\n"));
    assert(run.acknowledged > 500, told.join("\n"));
  });
}

Deno.test("a run of kills that did not do what it should is a fault", () => {
  const sound = {
    kills: 5,
    ownerKills: 5,
    replicaKills: 5,
    acknowledged: 100,
    leastBetween: 10,
    read: 100,
    repeated: 0,
    waits: 0,
    recoveries: [],
    faults: [],
  };
  assertEquals(faultsOf(sound, 5), []);
  for (
    const change of [
      { kills: 4 },
      { ownerKills: 0 },
      { replicaKills: 0 },
      { leastBetween: 0 },
      { read: 99 },
      { faults: ["w1: a value is missing"] },
    ]
  ) assertEquals(faultsOf({ ...sound, ...change }, 5).length, 1);
});
