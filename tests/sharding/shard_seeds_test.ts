import { hastyRestart, rollingRestart, runSeed, scenarios } from "./shard_scenarios.ts";

/** `SHARD_SEEDS` runs more; `SHARD_FIRST_SEED` begins elsewhere. */
const count = Number(Deno.env.get("SHARD_SEEDS") ?? 10 * scenarios.length);
const first = Number(Deno.env.get("SHARD_FIRST_SEED") ?? 0);

scenarios.forEach(({ name }, index) => {
  Deno.test(`one owner for each entity, in order, and all can be reached: ${name}`, () => {
    for (let seed = first; seed < first + count; seed++) {
      if (seed % scenarios.length === index) runSeed(seed);
    }
  });
});

for (const scenario of [rollingRestart, hastyRestart]) {
  Deno.test(`one owner for each entity, and all arrives: ${scenario.name}`, () => {
    for (let seed = first; seed < first + count / 10; seed++) runSeed(seed, {}, scenario);
  });
}

/**
 * Flush markers were not parsed, so that each move delayed new messages by 5 s; messages that were
 * forwarded twice took longer, and were overtaken. A node that left in order ended before that.
 */
for (const seed of [6230, 7845, 13697]) {
  Deno.test(`seed ${seed}: no message overtakes an older one in a storm of leaves`, () => {
    runSeed(seed);
  });
}
for (const seed of [6517, 10982, 11666, 12521, 22572]) {
  Deno.test(`seed ${seed}: what a node holds when it leaves is passed on before it ends`, () => {
    runSeed(seed);
  });
}

/** Grants were lost, so that a shard had no owner until after its last one had left. */
for (const seed of [30018, 33742, 35186]) {
  Deno.test(`seed ${seed}: who leaves while a shard is without owner passes on what it holds`, () => {
    runSeed(seed);
  });
}

/** The first admission of a node was lost, and it asked for another only after 5 s, or after 10 s. */
for (const seed of [361, 2534, 2714, 4114, 5254, 5954]) {
  Deno.test(`seed ${seed}: a node whose first admission is lost gets another soon`, () => {
    runSeed(seed);
  });
}

/**
 * A node whose claim was refused learned the location before the new owner had its grant. That sent a
 * message back as if the grant were an earlier one, and for 10 s it was not used.
 */
for (const seed of [2735, 4415]) {
  Deno.test(`seed ${seed}: no grant is used before its owner knows it`, () => {
    runSeed(seed);
  });
}

/** The view called the former owner unreachable still, while it passed messages on. */
Deno.test("seed 10816: messages through a node that is reachable again are waited for", () => {
  runSeed(10_816);
});

/** Nobody waits for what a lost owner may pass on when it is back: `docs/sharding.md`. */
for (const seed of [19075, 19696]) {
  Deno.test(`seed ${seed}: what is late is only what was sent to a lost owner before it was replaced`, () => {
    runSeed(seed, { latePassing: true });
  });
}
