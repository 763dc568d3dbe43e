import { assert } from "@std/assert";
import { failingStandbyRegisters, standbyRegisters, starts } from "./standby_registers.ts";
import { testSeeds } from "./seed_tests.ts";

testSeeds(standbyRegisters, 5);
testSeeds(failingStandbyRegisters, 5);

Deno.test("in these seeds registers have started from what was ready", () => {
  const { warm, cold } = starts;
  assert(warm > 10, `${warm} warm starts, ${cold} cold ones`);
});
