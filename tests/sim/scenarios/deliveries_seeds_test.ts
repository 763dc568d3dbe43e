import { deliveries, deliveriesInParts } from "./deliveries.ts";
import { testSeeds } from "./seed_tests.ts";

testSeeds(deliveries, 24);
testSeeds(deliveriesInParts, 6);
