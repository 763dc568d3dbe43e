/**
 * Runs scenarios from a seed and prints what came out, one line of JSON each. Arguments: the seed,
 * and the names of scenarios.
 */
import process from "node:process";
import { simulate, SimulationError } from "@casty/casty/testkit";
import { namedScenario } from "../../sim/scenarios/all.ts";

const [seed, ...names] = process.argv.slice(2);
for (const name of names) {
  try {
    const report = await simulate(
      { seed: Number(seed), failures: false, shrink: 0 },
      namedScenario(name)!,
    );
    console.log(JSON.stringify(report));
  } catch (error) {
    console.log(error instanceof SimulationError ? error.message : String(error));
  }
}
