import type { ClusterOptions } from "../../cluster/node/cluster_options.ts";
import type { SeededRandom } from "../seeded_random.ts";
import type { Fault } from "./fault.ts";
import type { InvariantMaker } from "./invariant.ts";
import type { HealthLimits } from "./node_health.ts";
import type { SimulatedNode } from "./simulated_node.ts";
import type { Simulation } from "./simulation.ts";

/** Makes a list of faults from a seed; see {@linkcode randomFaults}. */
export type FaultPlan = (random: SeededRandom, scene: FaultScene) => readonly Fault[];

/** What a plan of faults is made for. */
export interface FaultScene {
  /** Names of the nodes. */
  readonly nodes: readonly string[];
  /** Milliseconds that the scenario lasts. */
  readonly duration: number;
}

/** What happens on the nodes and from outside: calls, assertions, waits. Ends the run if it throws. */
export type ScenarioRun = (simulation: Simulation) => void | Promise<void>;

/** What a simulation is made of, all but the seed. */
export interface SimulationSetup {
  /** Names it in failures. Default: the name of the function, or `"scenario"`. */
  readonly name?: string;
  /** How many nodes; `node-1` to `node-<n>`. Default 3. */
  readonly nodes?: number;
  /** Virtual milliseconds that it lasts after the cluster has formed. Default 60 000. */
  readonly duration?: number;
  /**
   * Virtual milliseconds that it goes on after `run` has ended. Default: until `duration` is over. A
   * short time makes more seeds possible.
   */
  readonly linger?: number;
  /** What goes wrong: a list, or a function that makes one from the seed. Default: nothing. */
  readonly faults?: readonly Fault[] | FaultPlan;
  /** What must hold. Default: {@linkcode standardInvariants}. Include them if you add others. */
  readonly invariants?: readonly InvariantMaker[];
  /** Called each time that a node is up: spawns what runs there. */
  readonly setup?: (node: SimulatedNode) => void | Promise<void>;
  /** Options of all nodes or of each, without address, seeds and runtime. Default: none. */
  readonly cluster?: NodeOptions | ((node: SimulatedNode) => NodeOptions);
  /**
   * Whether the cluster forms in peace before the scenario and the faults begin. Default true. If
   * false, both begin with the start of the first node.
   */
  readonly formed?: boolean;
  /** The nodes start within so many milliseconds of each other, by chance. Default 500. */
  readonly startSpread?: number;
  /**
   * Milliseconds after which a node whose process has ended by itself, because the others have
   * declared it down, is started again; false: never. Default 5 000.
   */
  readonly restartEnded?: number | false;
  /** Milliseconds that packets travel when nothing is wrong, drawn evenly. Default 1 to 5. */
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
  /** What happens. Default: nothing but the faults. */
  readonly run?: ScenarioRun;
}
