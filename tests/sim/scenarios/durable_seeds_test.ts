import { others } from "./durable.ts";
import { testSeeds } from "./seed_tests.ts";

for (const [scenario, seeds] of others) testSeeds(scenario, seeds);
