import { runSeed } from "./lease_seeds.ts";

/** `LEASE_SEEDS` runs more; `LEASE_FIRST_SEED` begins elsewhere. */
const count = Number(Deno.env.get("LEASE_SEEDS") ?? 800);
const first = Number(Deno.env.get("LEASE_FIRST_SEED") ?? 0);

Deno.test("no two holders of one shard hold leases, and all hold them when the faults end", () => {
  for (let seed = first; seed < first + count; seed++) runSeed(seed);
});

/**
 * A holder that only a minority acknowledged obtained a quorum of new voters; a shard that two had
 * claimed was granted when one of them had stopped.
 */
for (const seed of [116496, 125832, 284781, 348663]) {
  Deno.test(`seed ${seed}: a former owner obtains no lease by a change of coordinator`, () => {
    runSeed(seed);
  });
}
