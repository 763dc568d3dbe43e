import type { ClientOptions, ClusterClient } from "../../client/cluster_client.ts";
import type { SeededRandom } from "../seeded_random.ts";
import type { DoubleOwnership } from "./double_ownership.ts";
import type { Fault } from "./fault.ts";
import type { SimulatedDatabase } from "./simulated_database.ts";
import type { SimulatedNode } from "./simulated_node.ts";

/** A member that was declared down. */
export interface Downing {
  /** Virtual milliseconds after the scenario began. */
  readonly at: number;
  /** Address of the member. */
  readonly address: string;
  /** Its incarnation. */
  readonly incarnation: number;
  /** Address of the member that has decided it. */
  readonly by: string;
  /** The reason. */
  readonly why: string;
  /** Whether it was healthy according to the faults; see {@linkcode HealthLimits}. */
  readonly healthy: boolean;
}

/** Options of a client in a simulation. */
export type SimulatedClientOptions = Partial<
  Omit<ClientOptions, "systemName" | "runtime" | "tls">
>;

/** A cluster in one process on virtual time, as a scenario and an invariant see it. */
export interface Simulation {
  /** Seed of all randomness. */
  readonly seed: number | string;
  /** Chance for the scenario. */
  readonly random: SeededRandom;
  /** All nodes, in whatever state. */
  readonly nodes: readonly SimulatedNode[];
  /** Members that were declared down so far, each once. */
  readonly downings: readonly Downing[];
  /** Entities that two nodes have run, each pair of instances once. */
  readonly doubleOwnerships: readonly DoubleOwnership[];
  /** The database that all nodes have in common; `journal` of a node is the way there. */
  readonly database: SimulatedDatabase;
  /** Virtual milliseconds since the scenario began; below 0 while the cluster forms. */
  readonly now: number;
  /**
   * A node by its name.
   *
   * @throws {OptionError} if there is none of the name.
   */
  node(name: string): SimulatedNode;
  /**
   * Whether packets get from one node to another now: no partition is between them, and both
   * processes exist and are not paused.
   */
  reaches(from: SimulatedNode, to: SimulatedNode): boolean;
  /** Resolves after `duration` virtual milliseconds. */
  sleep(duration: number): Promise<void>;
  /**
   * Resolves when a condition holds, which is checked after each event.
   *
   * @param options.limit virtual milliseconds. Default 60 000.
   * @param options.what names the condition in the error. Default: its source.
   * @throws {SimulationError} code `conditionNotMet` if it does not hold within the limit.
   */
  until(
    condition: () => boolean,
    options?: { readonly limit?: number; readonly what?: string },
  ): Promise<void>;
  /**
   * Resolves when no fault is active or pending.
   *
   * @throws {SimulationError} code `conditionNotMet` after `limit` virtual milliseconds, if given.
   */
  faultsOver(options?: { readonly limit?: number }): Promise<void>;
  /**
   * Resolves when all nodes that have not left permanently are up, and agree that exactly they are
   * the members, and on the leader.
   *
   * @param options.limit virtual milliseconds. Default 60 000.
   * @throws {SimulationError} code `conditionNotMet`.
   */
  converged(options?: { readonly limit?: number }): Promise<void>;
  /**
   * Has something go wrong; its `at` counts from now.
   *
   * @throws {SimulationError} code `badFault`.
   */
  inject(fault: Fault): void;
  /** Starts a node that has ended or crashed. Does nothing if its process exists. */
  start(node: SimulatedNode): void;
  /** Connects a client from a separate host. */
  connect(options?: SimulatedClientOptions): Promise<ClusterClient>;
  /** Adds a text to the trace. */
  note(text: string): void;
}
