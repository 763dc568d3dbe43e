import { withDefaults } from "../../options/check_options.ts";
import { simulationDefaults } from "../../options/tables/testkit_tables.ts";
import { SeededRandom } from "../seeded_random.ts";
import type { Fault } from "./fault.ts";
import { checkFaults } from "./fault_check.ts";
import type { Invariant } from "./invariant.ts";
import type { Scenario } from "./scenario.ts";
import { SimulatedWorld } from "./simulated_world.ts";
import type { Downing } from "./simulation.ts";
import { standardInvariants } from "./standard_invariants.ts";
import { settled } from "../manual_clock.ts";

/** Virtual milliseconds within which a cluster without faults must have formed. */
const formationLimit = 120_000;
/** Log lines that are kept. */
const keptLines = 40;
/** Virtual milliseconds between two checks of the periodic invariants. */
const second = 1_000;

/** The outcome of one run. */
export interface RunOutcome {
  /** The problem, if the run failed. */
  readonly problem: RunProblem | undefined;
  /** A number for all that happened: 16 hexadecimal digits. */
  readonly trace: string;
  /** Events that happened. */
  readonly events: number;
  /** Virtual milliseconds, formation included. */
  readonly virtualTime: number;
  /** The faults of the run. */
  readonly faults: readonly Fault[];
  /** Members that were declared down. */
  readonly downings: readonly Downing[];
  /** The latest warnings and errors of all nodes. */
  readonly log: readonly string[];
}

/** The problem of a failed run. */
export interface RunProblem {
  readonly code: "invariantViolated" | "scenarioFailed" | "scenarioTimeout" | "formationFailed";
  /** Name of the invariant or kind of failure: failures of one kind have the same. */
  readonly what: string;
  readonly message: string;
  /** Virtual milliseconds after the scenario began. */
  readonly at: number;
  readonly cause?: unknown;
}

/** The faults of a scenario for a seed. */
export function faultsOf(seed: number | string, scenario: Scenario): readonly Fault[] {
  const { nodes: count, duration, faults = [] } = withDefaults(simulationDefaults, scenario);
  const nodes = Array.from({ length: count }, (_, index) => `node-${index + 1}`);
  const made = typeof faults === "function"
    ? faults(new SeededRandom(seed).fork("plan"), { nodes, duration })
    : faults;
  checkFaults(made, new Set(nodes));
  return made;
}

/** Runs a scenario once. Never rejects because of what happens in it. */
export async function runOnce(
  seed: number | string,
  scenario: Scenario,
  faults: readonly Fault[],
): Promise<RunOutcome> {
  const log: string[] = [];
  const simulation = new SimulatedWorld(seed, scenario, (line) => {
    log.push(line);
    if (log.length > keptLines) log.shift();
  });
  const run = new SimulationRun(simulation, scenario);
  const problem = await run.run(faults);
  simulation.end();
  await settled();
  const { time, trace, downings } = simulation;
  trace.number(time.events);
  return {
    problem,
    trace: trace.toString(),
    events: time.events,
    virtualTime: time.now(),
    faults,
    downings,
    log,
  };
}

class SimulationRun {
  readonly #simulation: SimulatedWorld;
  readonly #scenario: Scenario;
  readonly #all: readonly Invariant[];
  readonly #onEvent: readonly Invariant[];
  readonly #onView: readonly Invariant[];
  readonly #onShards: readonly Invariant[];
  readonly #onSecond: readonly Invariant[];
  #nextSecond = 0;
  #done = false;
  /** When it may end although there is time left. */
  #end = Infinity;
  #problem: RunProblem | undefined;

  constructor(simulation: SimulatedWorld, scenario: Scenario) {
    this.#simulation = simulation;
    this.#scenario = scenario;
    this.#all = (scenario.invariants ?? standardInvariants).map((make) => make());
    const on = (when: Invariant["on"]) => this.#all.filter(({ on = "event" }) => on === when);
    this.#onEvent = on("event");
    this.#onView = on("view");
    this.#onShards = on("shards");
    this.#onSecond = on("second");
  }

  async run(faults: readonly Fault[]): Promise<RunProblem | undefined> {
    const simulation = this.#simulation;
    const { duration, formed } = withDefaults(simulationDefaults, this.#scenario);
    simulation.startAll();
    if (formed) {
      await this.#advance(formationLimit, () => simulation.isFormed());
      if (this.#problem === undefined && !simulation.isFormed()) {
        this.#fail("formationFailed", "formation", `no cluster within ${formationLimit} ms`);
      }
      if (this.#problem !== undefined) return this.#problem;
    }
    simulation.begin(faults);
    this.#start();
    await this.#advance(simulation.time.now() + duration, () => simulation.now >= this.#end);
    if (this.#problem !== undefined) return this.#problem;
    if (!this.#done) {
      this.#fail("scenarioTimeout", "timeout", `the scenario was not done within ${duration} ms`);
    } else {
      await simulation.database.check();
      this.#check(this.#all);
    }
    return this.#problem;
  }

  #start(): void {
    const fail = (error: unknown) => {
      const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      this.#fail("scenarioFailed", "scenario", text, error);
    };
    try {
      Promise.resolve(this.#scenario.run?.(this.#simulation))
        .then(() => this.#finish(), fail);
    } catch (error) {
      fail(error);
    }
  }

  #finish(): void {
    this.#done = true;
    const { linger } = this.#scenario;
    if (linger !== undefined) this.#end = this.#simulation.now + linger;
  }

  /** Until the moment, the condition or a failure. */
  async #advance(end: number, until: () => boolean): Promise<void> {
    const simulation = this.#simulation;
    const { time } = simulation;
    try {
      await time.settle();
    } catch (thrown) {
      simulation.error ??= { thrown };
      this.#afterEvent();
    }
    while (this.#problem === undefined && !until()) {
      try {
        if (!time.runNext(end)) return;
        await time.settle();
      } catch (thrown) {
        simulation.error ??= { thrown };
      }
      this.#afterEvent();
    }
  }

  #afterEvent(): void {
    const simulation = this.#simulation;
    const { view, shards } = simulation.afterEvent();
    if (simulation.error !== undefined) {
      const { thrown } = simulation.error;
      return this.#fail("scenarioFailed", "node", `a node has thrown: ${thrown}`, thrown);
    }
    if (this.#onEvent.length > 0) this.#check(this.#onEvent);
    if (view) this.#check(this.#onView);
    if (shards) this.#check(this.#onShards);
    if (simulation.time.now() < this.#nextSecond) return;
    this.#nextSecond = simulation.time.now() + second;
    simulation.lookAround();
    this.#check(this.#onSecond);
  }

  #check(invariants: readonly Invariant[]): void {
    for (const invariant of invariants) {
      const wrong = invariant.check(this.#simulation);
      if (wrong !== undefined) this.#fail("invariantViolated", invariant.name, wrong);
    }
  }

  #fail(code: RunProblem["code"], what: string, message: string, cause?: unknown): void {
    this.#problem ??= { code, what, message, at: this.#simulation.now, cause };
  }
}
