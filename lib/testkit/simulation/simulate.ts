import { checkOptions } from "../../options/check_options.ts";
import { simulationDefaults, simulationTable } from "../../options/tables/testkit_tables.ts";
import { SimulationError } from "./errors.ts";
import { writeFailure } from "./failure_file.ts";
import { type FoundFailure, searchFailure } from "./failure_search.ts";
import type { Fault } from "./fault.ts";
import type { Scenario, ScenarioRun, SimulationSetup } from "./scenario.ts";
import { type NamedScenario, scenarioRuns } from "./scenario_runs.ts";
import { faultsOf, runOnce, type RunOutcome } from "./simulation_run.ts";
import type { Downing } from "./simulation.ts";

/** Options of `simulate`: a seed, and settings that the scenario leaves open. */
export interface SimulationOptions extends SimulationSetup {
  /** Seed of all randomness. The same seed gives the same history. */
  readonly seed: number | string;
  /**
   * Runs that may be spent on finding fewer faults with which it still fails, besides one or two that
   * show whether it can be repeated. 0: a failure is reported as it is. Default 200.
   */
  readonly shrink?: number;
  /**
   * Folder for the test that a failure writes; false: none is written. Default
   * `"simulation_failures"`. Needs the permission to write there.
   */
  readonly failures?: string | false;
}

/** Result of a passing simulation. */
export interface SimulationReport {
  /** Name of the scenario. */
  readonly scenario: string;
  /** Seed of all randomness. */
  readonly seed: number | string;
  /** Hash of the event history: the same seed gives the same hash. 16 hexadecimal digits. */
  readonly trace: string;
  /** Events that happened: timers and arrivals. */
  readonly events: number;
  /** Virtual milliseconds, the formation of the cluster included. */
  readonly virtualTime: number;
  /** Injected faults. */
  readonly faults: readonly Fault[];
  /** Members that were declared down. */
  readonly downings: readonly Downing[];
  /** The latest warnings and errors of the nodes. */
  readonly log: readonly string[];
}

/**
 * Runs a whole cluster in this process on virtual time and a network in memory, injects faults, and
 * checks invariants after each step. Nodes are real: systems, membership, codec, frames and
 * handshakes are those of production; clock, randomness and network are simulated. All randomness
 * comes from the seed, so a failure can be reproduced.
 *
 * A failure is repeated as it was, and then with fewer and weaker faults. A scenario that keeps state
 * (the database of a test) makes it in `create`, so that each run begins with its own; for one that does
 * not, the error says plainly where runs may have influenced each other.
 *
 * @throws {SimulationError} code `invariantViolated`, `scenarioFailed`, `scenarioTimeout` or
 * `formationFailed`, with the seed and as few faults as were found, after a test that reproduces it
 * was written; `badFault` for an invalid fault.
 * @throws {OptionError}
 *
 * @example
 * ```ts
 * import { Behaviors } from "@casty/casty";
 * import { simulate } from "@casty/casty/testkit";
 *
 * const report = await simulate({
 *   seed: 7,
 *   nodes: 3,
 *   duration: 30_000,
 *   faults: [{ type: "pause", at: 1_000, for: 2_000, node: "node-2" }],
 * }, {
 *   create: () => {
 *     const received: string[] = []; // of this run
 *     const listener = Behaviors.receive<string>((_context, text) => {
 *       received.push(text);
 *       return Behaviors.same();
 *     });
 *     return {
 *       setup: (node) => void node.system.spawn(listener, "listener"),
 *       run: async (sim) => {
 *         const [one, two] = sim.nodes;
 *         await sim.sleep(1_500); // node-2 is paused now
 *         one!.system.lookup<string>("/listener", { node: two!.address }).tell("hello");
 *         await sim.until(() => received.length === 1);
 *         console.assert(sim.now >= 3_000);
 *       },
 *     };
 *   },
 * });
 * console.assert(report.downings.length === 0);
 * ```
 */
export async function simulate(
  options: SimulationOptions,
  scenario: Scenario | ScenarioRun = {},
): Promise<SimulationReport> {
  checkOptions(simulationTable, options);
  const { seed, ...setup } = options;
  const { shrink = simulationDefaults.shrink, failures = simulationDefaults.failures } = options;
  const runs = scenarioRuns(setup, scenario);
  const full = runs.next();
  const faults = faultsOf(seed, full);
  const outcome = await runOnce(seed, full, faults);
  const { problem } = outcome;
  if (problem === undefined) return { scenario: full.name, seed, ...reported(outcome) };
  const found = await searchFailure(seed, runs, { ...outcome, problem }, shrink);
  throw await failureError(seed, full, outcome, found, failures);
}

function reported(outcome: RunOutcome): Omit<SimulationReport, "scenario" | "seed"> {
  const { problem: _, ...rest } = outcome;
  return rest;
}

async function failureError(
  seed: number | string,
  scenario: NamedScenario,
  outcome: RunOutcome,
  { problem, faults, log, doubt }: FoundFailure,
  folder: string | false,
): Promise<SimulationError> {
  const { code, what, message, at, cause } = problem;
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
    ...(doubt !== undefined && { doubt }),
    ...(file !== undefined && { file }),
  };
  const text = failureText(failure, message, log);
  return new SimulationError(code, text, { value: seed, cause, failure });
}

function failureText(
  failure: NonNullable<SimulationError["failure"]>,
  message: string,
  log: readonly string[],
): string {
  const { scenario, seed, what, at, faults, faultsAtFirst, doubt, file } = failure;
  const lines = [
    `${scenario}, seed ${JSON.stringify(seed)}: ${what} failed ${
      (at / 1_000).toFixed(3)
    } s after ` +
    `the start: ${message}`,
    faults.length === 0 && faultsAtFirst > 0
      ? `faults: it fails without any of the ${faultsAtFirst}`
      : `faults (${faults.length} of ${faultsAtFirst}):`,
    ...faults.map((fault) => `  ${JSON.stringify(fault)}`),
  ];
  if (doubt !== undefined) lines.push(doubt);
  if (file !== undefined) lines.push(`see it again: ${file}`);
  if (log.length > 0) lines.push("latest warnings:", ...log.slice(-15).map((line) => `  ${line}`));
  return lines.join("\n");
}
