/**
 * Finds out how a failed run fails: whether it fails the same way again, and with how few faults.
 *
 * @module
 */
import type { Fault } from "./fault.ts";
import type { ScenarioRuns } from "./scenario_runs.ts";
import { shrinkFaults } from "./shrink.ts";
import { runOnce, type RunOutcome, type RunProblem } from "./simulation_run.ts";

/** What is known of a failure. */
export interface FoundFailure {
  readonly problem: RunProblem;
  /** The faults with which it fails; as few as were found. */
  readonly faults: readonly Fault[];
  /** The latest warnings and errors of the nodes. */
  readonly log: readonly string[];
  /** Why no fewer faults were sought or believed. */
  readonly doubt?: string;
}

/** The last line of a doubt about a scenario that may keep state. */
const remedy = "if the scenario keeps state outside of `run`, make it for each run: " +
  "simulate(options, { create: () => scenario })";

/**
 * Runs the scenario once more as it was, and then with fewer and weaker faults while it fails in the
 * same way, at most `maxTrials` times.
 */
export async function searchFailure(
  seed: number | string,
  runs: ScenarioRuns,
  outcome: RunOutcome & { readonly problem: RunProblem },
  maxTrials: number,
): Promise<FoundFailure> {
  const first = { problem: outcome.problem, faults: outcome.faults, log: outcome.log };
  if (maxTrials === 0) return first;
  const again = await runOnce(seed, runs.next(), outcome.faults);
  const difference = differenceOf(outcome, again);
  if (difference !== undefined) {
    const why = runs.areSeparate
      ? "time, chance or state comes from outside of the simulation"
      : `time, chance or state comes from outside of the simulation; ${remedy}`;
    const doubt = `not repeatable: run again with the same seed and faults, ${difference}; ${why}`;
    return { ...first, doubt };
  }
  return await shrunk(seed, runs, first, maxTrials);
}

async function shrunk(
  seed: number | string,
  runs: ScenarioRuns,
  first: FoundFailure,
  maxTrials: number,
): Promise<FoundFailure> {
  let last = first;
  const fails = async (faults: readonly Fault[]): Promise<boolean> => {
    const { problem, log } = await runOnce(seed, runs.next(), faults);
    if (!isAlike(problem, first.problem)) return false;
    last = { problem: problem!, faults, log };
    return true;
  };
  const faults = await shrinkFaults(first.faults, fails, maxTrials);
  const found = { ...last, faults };
  // Without a fault it passes, and still does after all the failures: these have left nothing behind.
  const isProven = runs.areSeparate || faults === first.faults ||
    faults.length > 0 && !await fails([]);
  if (isProven) return found;
  const doubt =
    "not shrunk: run again, it also fails without any fault, which may come from state " +
    `that the runs before have left behind; ${remedy}`;
  return { ...first, doubt };
}

function isAlike(problem: RunProblem | undefined, to: RunProblem): boolean {
  return problem?.what === to.what && problem.code === to.code;
}

/** How another run with the same faults went otherwise; undefined if it went the same way. */
function differenceOf(
  one: RunOutcome & { readonly problem: RunProblem },
  other: RunOutcome,
): string | undefined {
  const { problem } = other;
  if (problem === undefined) return "it passes";
  const { what, message, at } = problem;
  if (!isAlike(problem, one.problem) || message !== one.problem.message || at !== one.problem.at) {
    return `${what} failed ${(at / 1_000).toFixed(3)} s after the start: ${message}`;
  }
  return other.trace === one.trace ? undefined : "other events happen";
}
