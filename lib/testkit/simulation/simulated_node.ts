import type { ClusteredActorSystem } from "../../clustered_actor_system.ts";
import type { MembershipView } from "../../membership/state/view.ts";
import type { Journal } from "../../persistence/journal.ts";
import type { Storage } from "../../runtime/storage.ts";
import type { OwnedShard } from "../../sharding/sharding.ts";

/**
 * Status of a simulated node:
 *
 * - `starting`: its process runs, but it is no full member yet.
 * - `up`: `ClusteredActorSystem.start` has resolved.
 * - `stopping`: it is being shut down.
 * - `stopped`: it has shut down, on its own or after a `stop` fault.
 * - `crashed`: its process has crashed.
 */
export type NodeStatus = "starting" | "up" | "stopping" | "stopped" | "crashed";

/** A node of a simulated cluster; its process can be started many times. */
export interface SimulatedNode {
  /** `"node-1"` and so on: stays the same when the node starts again. */
  readonly name: string;
  /** Place in `Simulation.nodes`, from 0. */
  readonly index: number;
  /** The host under which others reach it now. */
  readonly host: string;
  /** Its address, `"host:port"`. */
  readonly address: string;
  /** How often its process was started. */
  readonly starts: number;
  /** Its status. */
  readonly status: NodeStatus;
  /** Whether its process exists. */
  readonly alive: boolean;
  /** Whether its event loop is paused. */
  readonly paused: boolean;
  /** Whether its whole process is paused. */
  readonly frozen: boolean;
  /**
   * Its actor system, once `start` has resolved and while its process exists.
   *
   * @throws {SimulationError} code `notRunning`: it is starting, or has ended.
   */
  readonly system: ClusteredActorSystem;
  /** The same, or undefined where that throws. */
  readonly running: ClusteredActorSystem | undefined;
  /**
   * The files of its process: those of its machine, which stay when it starts again, and under
   * `/shared` those of a disk that all machines have in common.
   *
   * @throws {SimulationError} code `notRunning`: its process does not exist.
   */
  readonly storage: Storage;
  /**
   * The database of the simulation, as its process reaches it: a store for durable actors that all
   * nodes have in common. A call takes some milliseconds, and is subject to the faults of the database.
   *
   * @throws {SimulationError} code `notRunning`: its process does not exist.
   */
  readonly journal: Journal;
  /**
   * A store in a file of its machine, `/journal`, which stays when it starts again: for durable actors
   * that stay on their node. Subject to the faults of the disk.
   *
   * @throws {SimulationError} code `notRunning`: its process does not exist.
   */
  readonly diskJournal: Journal;
  /** Its view of the cluster; undefined while it is starting and after its end. */
  readonly view: MembershipView | undefined;
  /** The shards that it owns, as far as it knows. None after its end. */
  ownedShards(): readonly OwnedShard[];
  /** Messages and bytes that wait in its queues for another node. */
  queuedFor(address: string): { readonly messages: number; readonly bytes: number };
}
