import { scenarios } from "./all.ts";
import { disks } from "./disks.ts";
import { others, registers } from "./durable.ts";
import { ownership } from "./ownership.ts";
import { testSeeds } from "./seed_tests.ts";
import { sharding } from "./sharding.ts";

for (const scenario of scenarios) {
  if (registers.has(scenario) || others.has(scenario)) continue;
  const isLong = [...sharding, ...ownership, ...disks].includes(scenario);
  testSeeds(scenario, isLong ? 10 : 20);
}
