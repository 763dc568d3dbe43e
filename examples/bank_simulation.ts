/**
 * A simulation finds a race: two bank tellers move money between accounts, which are sharded
 * entities on three nodes. The first version of a transfer reads two balances and then writes both;
 * with some seed two transfers interleave, and the total changes. The second version sends each
 * account the amount to add, and passes with the same seeds.
 *
 * Run with: deno run -A examples/bank_simulation.ts
 */
import { simulate, SimulationError } from "@casty/casty/testkit";
import { naiveBank, safeBank } from "./bank_simulation/scenarios.ts";

const seeds = 30;

/** The failure with the lowest failing seed; `undefined` if all seeds pass. */
async function firstFailure(bank: typeof naiveBank): Promise<SimulationError | undefined> {
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      await simulate({ seed, failures: false }, bank);
    } catch (error) {
      if (error instanceof SimulationError) return error;
      throw error;
    }
  }
}

const failure = await firstFailure(naiveBank);
if (failure === undefined) throw new Error("the race was not found");
console.log(failure.message);
const safe = await firstFailure(safeBank);
if (safe !== undefined) throw safe;
console.log(`\nsafe bank: no failure in ${seeds} seeds`);
