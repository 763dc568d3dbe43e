import { scenarios } from "./all.ts";
import { deliveries, deliveriesInParts } from "./deliveries.ts";
import { disks } from "./disks.ts";
import { others, registers } from "./durable.ts";
import { ownership } from "./ownership.ts";
import { rateLimits, rateLimitsOverSlowLinks } from "./rate_limits.ts";
import { testSeeds } from "./seed_tests.ts";
import { replicated } from "./replicated_registers.ts";
import { sharding } from "./sharding.ts";
import { singletonScenarios } from "./singletons.ts";
import { standbyScenarios } from "./standby_registers.ts";
import { structures, structuresInCrashThenMoves, volatileStructures } from "./structures.ts";

for (const scenario of scenarios) {
  if (registers.has(scenario) || others.has(scenario)) continue;
  // In a file of their own: replicated_seeds_test.ts.
  if (replicated.includes(scenario)) continue;
  if (singletonScenarios.includes(scenario)) continue;
  // They have files of their own, which run beside this one.
  if (scenario === deliveries || scenario === deliveriesInParts) continue;
  if (standbyScenarios.includes(scenario)) continue;
  if ([structures, structuresInCrashThenMoves, volatileStructures].includes(scenario)) continue;
  if (scenario === rateLimits || scenario === rateLimitsOverSlowLinks) continue;
  const isLong = [...sharding, ...ownership, ...disks].includes(scenario);
  testSeeds(scenario, isLong ? 10 : 20);
}
