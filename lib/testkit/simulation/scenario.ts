import type { ClusterOptions } from "../../cluster/node/cluster_options.ts";
import type { SeededRandom } from "../seeded_random.ts";
import type { Fault } from "./fault.ts";
import type { InvariantMaker } from "./invariant.ts";
import type { HealthLimits } from "./node_health.ts";
import type { SimulatedNode } from "./simulated_node.ts";
import type { Simulation } from "./simulation.ts";

/** Generates a list of faults from a seed; see {@linkcode randomFaults}. */
export type FaultPlan = (random: SeededRandom, scene: FaultScene) => readonly Fault[];

/** Parameters of a fault plan. */
export interface FaultScene {
  /** Names of the nodes. */
  readonly nodes: readonly string[];
  /** Milliseconds that the scenario lasts. */
  readonly duration: number;
}

/** The script of the run: calls, assertions, waits. Ends the run if it throws. */
export type ScenarioRun = (simulation: Simulation) => void | Promise<void>;

/** All settings of a simulation except the seed. */
export interface SimulationSetup {
  /** Names it in failures. Default: the name of the function, or `"scenario"`. */
  readonly name?: string;
  /** How many nodes; `node-1` to `node-<n>`. Default 3. */
  readonly nodes?: number;
  /** Virtual milliseconds that it lasts after the cluster has formed. Default 60 000. */
  readonly duration?: number;
  /**
   * Virtual milliseconds that the simulation continues after `run` has ended. Default: until
   * `duration` is over. A short time makes more seeds possible.
   */
  readonly linger?: number;
  /** Injected faults: a list, or a function that generates one from the seed. Default: none. */
  readonly faults?: readonly Fault[] | FaultPlan;
  /** Invariants. Default: {@linkcode standardInvariants}. Include them if you add others. */
  readonly invariants?: readonly InvariantMaker[];
  /** Called each time that a node is up: spawns its actors. */
  readonly setup?: (node: SimulatedNode) => void | Promise<void>;
  /** Options of all nodes or of each, without address, seeds and runtime. Default: none. */
  readonly cluster?: NodeOptions | ((node: SimulatedNode) => NodeOptions);
  /**
   * Whether the cluster forms without faults before the scenario begins. Default true. If false,
   * both begin with the start of the first node.
   */
  readonly formed?: boolean;
  /** The nodes start at random times within this number of milliseconds. Default 500. */
  readonly startSpread?: number;
  /**
   * Milliseconds after which a node whose process has ended, because the others have declared it
   * down, is restarted; false: never. Default 5 000.
   */
  readonly restartEnded?: number | false;
  /** Latency of packets without faults in milliseconds, drawn uniformly. Default 1 to 5. */
  readonly latency?: { readonly min: number; readonly max: number };
  /** Thresholds from which on a node counts as unhealthy. */
  readonly health?: HealthLimits;
  /** Where the scenario can be imported from, for the test that a failure writes. */
  readonly source?: ScenarioSource;
}

/** An exported {@linkcode Scenario}. */
export interface ScenarioSource {
  /** URL of the module: `import.meta.url`. */
  readonly module: string;
  /** Name of the export. */
  readonly export: string;
}

/** Options of a simulated node. */
export type NodeOptions = Partial<
  Omit<ClusterOptions, "name" | "host" | "port" | "bindHost" | "nodeId" | "runtime" | "tls">
>;

/**
 * A simulation with a name, to be run with many seeds.
 *
 * @example
 * ```ts
 * import { randomFaults, type Scenario, simulate } from "@casty/casty/testkit";
 *
 * const scenario: Scenario = {
 *   name: "nothing but faults",
 *   nodes: 3,
 *   duration: 20_000,
 *   faults: randomFaults({ kinds: ["latency", "pause"] }),
 *   run: (sim) => sim.until(() => sim.nodes.every((node) => node.view?.members.length === 3)),
 * };
 * const { trace } = await simulate({ seed: 1 }, scenario);
 * console.assert(trace === (await simulate({ seed: 1 }, scenario)).trace);
 * ```
 */
export interface Scenario extends SimulationSetup {
  /** The script of the scenario. Default: only the faults. */
  readonly run?: ScenarioRun;
  /**
   * Makes the rest of the scenario, or only its script, once for each run: what it keeps in variables
   * belongs to that run. A failure is run again with fewer faults, and a scenario without `create` that
   * keeps state would find that of the runs before. Default: all runs share the scenario.
   */
  readonly create?: () => Omit<Scenario, "create"> | ScenarioRun;
}
