import { rateLimits, rateLimitsOverSlowLinks } from "./rate_limits.ts";
import { testSeeds } from "./seed_tests.ts";

testSeeds(rateLimits, 24);
testSeeds(rateLimitsOverSlowLinks, 6);
