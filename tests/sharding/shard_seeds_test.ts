import { scenarios } from "./shard_scenarios.ts";
import { runSeed } from "./shard_scenarios.ts";

/** `SHARD_SEEDS` runs more; `SHARD_FIRST_SEED` begins elsewhere. */
const count = Number(Deno.env.get("SHARD_SEEDS") ?? 10 * scenarios.length);
const first = Number(Deno.env.get("SHARD_FIRST_SEED") ?? 0);

Deno.test(`${count} seeds: one owner for each entity, in order, and all can be reached`, () => {
  for (let seed = first; seed < first + count; seed++) runSeed(seed);
});
