import { testSeeds } from "./seed_tests.ts";
import { structures, volatileStructures } from "./structures.ts";

testSeeds(structures, 20);
testSeeds(volatileStructures, 20);
