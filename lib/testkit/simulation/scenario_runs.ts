import { checkOptions } from "../../options/check_options.ts";
import { scenarioTable } from "../../options/tables/testkit_tables.ts";
import type { Scenario, ScenarioRun, SimulationSetup } from "./scenario.ts";

/** A scenario whose name is known. */
export type NamedScenario = Scenario & { readonly name: string };

/** Makes the scenario of each run. */
export interface ScenarioRuns {
  /** Whether `create` makes each run's scenario, so that a run finds no state of an earlier one. */
  readonly areSeparate: boolean;
  /**
   * The scenario of the next run.
   *
   * @throws {OptionError}
   */
  next(): NamedScenario;
}

/**
 * The runs of a scenario, with the settings of the call.
 *
 * @throws {OptionError}
 */
export function scenarioRuns(
  setup: SimulationSetup,
  given: Scenario | ScenarioRun,
): ScenarioRuns {
  const scenario = fromRun(given);
  if (typeof given !== "function") checkOptions(scenarioTable, given, "scenario");
  const { create, ...fixed } = scenario;
  return {
    areSeparate: create !== undefined,
    next: () => complete(setup, create === undefined ? fixed : { ...fixed, ...created(create) }),
  };
}

function created(create: NonNullable<Scenario["create"]>): Scenario {
  const made: unknown = create();
  if (typeof made === "function") return { run: made as ScenarioRun };
  checkOptions(scenarioTable, made, "scenario.create()");
  const { create: _, ...scenario } = made as Scenario;
  return scenario;
}

function fromRun(given: Scenario | ScenarioRun): Scenario {
  return typeof given === "function" ? { name: given.name, run: given } : given;
}

function complete(setup: SimulationSetup, scenario: Scenario): NamedScenario {
  const name = setup.name ?? (scenario.name || "scenario");
  return { ...scenario, ...setup, name };
}
