import { testSeeds } from "./seed_tests.ts";
import { structures, structuresInCrashThenMoves, volatileStructures } from "./structures.ts";

testSeeds(structures, 20);
testSeeds(structuresInCrashThenMoves, 6);
testSeeds(volatileStructures, 20);
