import { assertEquals } from "@std/assert";
import { others, registers } from "./durable.ts";
import { testSeeds } from "./seed_tests.ts";

for (const [scenario, seeds] of registers) testSeeds(scenario, seeds);

Deno.test("the suite runs 300 seeds of durable actors", () => {
  const counts = [...registers.values(), ...others.values()];
  assertEquals(counts.reduce((sum, count) => sum + count, 0), 300);
});
