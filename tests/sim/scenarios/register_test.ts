import { assert, assertRejects } from "@std/assert";
import { simulate, SimulationError } from "../../../lib/testkit/mod.ts";
import { splitRegisters, twinRegisters } from "./register.ts";

const quietly = { failures: false, shrink: 0 } as const;

Deno.test("two owners of a register, planted by hand, are found in what clients saw", async () => {
  for (let seed = 1; seed <= 3; seed++) {
    await assertRejects(
      () => simulate({ seed, ...quietly }, twinRegisters),
      SimulationError,
      "violation",
    );
  }
});

Deno.test("registers stay linearizable in splits: 10 seeds", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { faults } = await simulate({ seed, ...quietly }, splitRegisters);
    assert(faults.length > 0, `seed ${seed} has no split`);
  }
});
