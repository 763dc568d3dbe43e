import { runSeed } from "./lease_seeds.ts";

/** `LEASE_SEEDS` runs more; `LEASE_FIRST_SEED` begins elsewhere. */
const count = Number(Deno.env.get("LEASE_SEEDS") ?? 300);
const first = Number(Deno.env.get("LEASE_FIRST_SEED") ?? 0);

Deno.test("no two holders of one shard hold leases, and all hold them when the faults end", () => {
  for (let seed = first; seed < first + count; seed++) runSeed(seed);
});
