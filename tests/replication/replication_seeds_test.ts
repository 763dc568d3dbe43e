import { assert } from "@std/assert";
import { runSeed } from "./replication_seeds.ts";

/** `REPLICATION_SEEDS` runs more; `REPLICATION_FIRST_SEED` begins elsewhere. */
const count = Number(Deno.env.get("REPLICATION_SEEDS") ?? 300);
const first = Number(Deno.env.get("REPLICATION_FIRST_SEED") ?? 0);

Deno.test("no acknowledged entry is lost or moved, and the shard opens again", () => {
  const totals: Record<string, number> = {};
  let lost = 0;
  for (let seed = first; seed < first + count; seed++) {
    const result = runSeed(seed);
    if (result.lost) lost++;
    for (const [what, times] of Object.entries(result.counts)) {
      totals[what] = (totals[what] ?? 0) + times;
    }
  }
  console.log(totals, `${lost} of ${count} lost too many copies`);
  assert(totals.openings! > count);
});

/**
 * A copy that was filled had nothing of the log before the back-fill. As owner it could not give a slow in-sync
 * copy what that one lacked.
 */
for (const seed of [10208, 15695]) {
  Deno.test(`seed ${seed}: a copy that was filled can serve all in-sync copies`, () => {
    runSeed(seed);
  });
}

Deno.test("seed 1424: what a node has applied while it stood still counts for the content of then", () => {
  runSeed(1_424);
});
