import { checkOptions } from "../../options/check_options.ts";
import {
  scenarioTable,
  simulationDefaults,
  simulationTable,
} from "../../options/tables/testkit_tables.ts";
import { SimulationError } from "./errors.ts";
import { writeFailure } from "./failure_file.ts";
import type { Fault } from "./fault.ts";
import type { Scenario, ScenarioRun, SimulationSetup } from "./scenario.ts";
import { shrinkFaults } from "./shrink.ts";
import { faultsOf, runOnce, type RunOutcome, type RunProblem } from "./simulation_run.ts";
import type { Downing } from "./simulation.ts";

/** What `simulate` is given: a seed, and whatever the scenario does not say itself. */
export interface SimulationOptions extends SimulationSetup {
  /** What all chance comes from. The same seed gives the same history. */
  readonly seed: number | string;
  /** Runs that may be spent on finding fewer faults with which it still fails. Default 200. */
  readonly shrink?: number;
  /**
   * Folder for the test that a failure writes; false: none is written. Default
   * `"simulation_failures"`. Needs the permission to write there.
   */
  readonly failures?: string | false;
}

/** What a simulation that has not failed tells. */
export interface SimulationReport {
  /** Name of the scenario. */
  readonly scenario: string;
  /** What all chance came from. */
  readonly seed: number | string;
  /** A number for all that happened: the same seed gives the same. 16 hexadecimal digits. */
  readonly trace: string;
  /** Events that happened: timers and arrivals. */
  readonly events: number;
  /** Virtual milliseconds, the formation of the cluster included. */
  readonly virtualTime: number;
  /** What went wrong. */
  readonly faults: readonly Fault[];
  /** Members that were declared dead. */
  readonly downings: readonly Downing[];
  /** The latest warnings and errors of the nodes. */
  readonly log: readonly string[];
}

/**
 * Runs a whole cluster in this process on virtual time and a network in memory, lets faults happen,
 * and checks after each step what must hold. Nodes are real: systems, membership, codec, frames and
 * handshakes are those of production; clock, chance and network are not. All chance comes from the
 * seed, so a failure can be seen again.
 *
 * @throws {SimulationError} code `invariantViolated`, `scenarioFailed`, `scenarioTimeout` or
 * `formationFailed`, with the seed and as few faults as were found, after a test that shows it was
 * written; `badFault` for a fault that cannot be.
 * @throws {OptionError}
 *
 * @example
 * ```ts
 * import { Behaviors } from "@casty/casty";
 * import { simulate } from "@casty/casty/testkit";
 *
 * const received: string[] = [];
 * const listener = Behaviors.receive<string>((_context, text) => {
 *   received.push(text);
 *   return Behaviors.same();
 * });
 * const report = await simulate({
 *   seed: 7,
 *   nodes: 3,
 *   duration: 30_000,
 *   faults: [{ type: "pause", at: 1_000, for: 2_000, node: "node-2" }],
 *   setup: (node) => void node.system.spawn(listener, "listener"),
 * }, async (sim) => {
 *   const [one, two] = sim.nodes;
 *   await sim.sleep(1_500); // node-2 is paused now
 *   one!.system.lookup<string>("/listener", { node: two!.address }).tell("hello");
 *   await sim.until(() => received.length === 1);
 *   console.assert(sim.now >= 3_000);
 * });
 * console.assert(report.downings.length === 0);
 * ```
 */
export async function simulate(
  options: SimulationOptions,
  scenario: Scenario | ScenarioRun = {},
): Promise<SimulationReport> {
  checkOptions(simulationTable, options);
  if (typeof scenario !== "function") checkOptions(scenarioTable, scenario, "scenario");
  const { seed, ...setup } = options;
  const { shrink = simulationDefaults.shrink, failures = simulationDefaults.failures } = options;
  const full = complete(setup, scenario);
  const faults = faultsOf(seed, full);
  const outcome = await runOnce(seed, full, faults);
  if (outcome.problem === undefined) return { scenario: full.name, seed, ...reported(outcome) };
  throw await explain(seed, full, outcome, outcome.problem, shrink, failures);
}

type NamedScenario = Scenario & { readonly name: string };

function complete(setup: SimulationSetup, scenario: Scenario | ScenarioRun): NamedScenario {
  const base = typeof scenario === "function" ? { name: scenario.name, run: scenario } : scenario;
  const name = setup.name ?? (base.name || "scenario");
  return { ...base, ...setup, name };
}

function reported(outcome: RunOutcome): Omit<SimulationReport, "scenario" | "seed"> {
  const { problem: _, ...rest } = outcome;
  return rest;
}

async function explain(
  seed: number | string,
  scenario: NamedScenario,
  outcome: RunOutcome,
  problem: RunProblem,
  maxTrials: number,
  folder: string | false,
): Promise<SimulationError> {
  let last = { problem, log: outcome.log };
  const faults = await shrinkFaults(outcome.faults, async (candidate) => {
    const trial = await runOnce(seed, scenario, candidate);
    if (trial.problem?.what !== problem.what || trial.problem.code !== problem.code) return false;
    last = { problem: trial.problem, log: trial.log };
    return true;
  }, maxTrials);
  const { code, what, message, at, cause } = last.problem;
  const file = folder === false
    ? undefined
    : await writeFailure(folder, { scenario, seed, faults, what, message });
  const failure = {
    scenario: scenario.name,
    seed,
    what,
    at,
    faults,
    faultsAtFirst: outcome.faults.length,
    ...(file !== undefined && { file }),
  };
  const text = failureText(failure, message, last.log);
  return new SimulationError(code, text, { value: seed, cause, failure });
}

function failureText(
  failure: NonNullable<SimulationError["failure"]>,
  message: string,
  log: readonly string[],
): string {
  const { scenario, seed, what, at, faults, faultsAtFirst, file } = failure;
  const lines = [
    `${scenario}, seed ${JSON.stringify(seed)}: ${what} failed ${
      (at / 1_000).toFixed(3)
    } s after ` +
    `the start: ${message}`,
    `faults (${faults.length} of ${faultsAtFirst}):`,
    ...faults.map((fault) => `  ${JSON.stringify(fault)}`),
  ];
  if (file !== undefined) lines.push(`see it again: ${file}`);
  if (log.length > 0) lines.push("latest warnings:", ...log.slice(-15).map((line) => `  ${line}`));
  return lines.join("\n");
}
