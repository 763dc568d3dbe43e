import type { ClusteredActorSystem } from "../../clustered_actor_system.ts";
import type { MembershipView } from "../../membership/state/view.ts";
import type { Storage } from "../../runtime/storage.ts";
import type { OwnedShard } from "../../sharding/sharding.ts";

/**
 * How far a simulated node is:
 *
 * - `starting`: its process runs, but it is no full member yet.
 * - `up`: `ClusteredActorSystem.start` has resolved.
 * - `stopping`: it is being shut down.
 * - `stopped`: it has ended in order, by itself or because it was told to.
 * - `crashed`: its process is gone.
 */
export type NodeStatus = "starting" | "up" | "stopping" | "stopped" | "crashed";

/** A node of a simulated cluster, through all its lives. */
export interface SimulatedNode {
  /** `"node-1"` and so on: stays the same in all lives. */
  readonly name: string;
  /** Place in `Simulation.nodes`, from 0. */
  readonly index: number;
  /** The host under which others reach it now. */
  readonly host: string;
  /** Its address, `"host:port"`. */
  readonly address: string;
  /** Which life it is in, from 1. */
  readonly life: number;
  /** How far it is. */
  readonly status: NodeStatus;
  /** Whether its process exists. */
  readonly alive: boolean;
  /** Whether its event loop stands still now. */
  readonly paused: boolean;
  /** Whether its whole process stands still now. */
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
  /** What it believes of its cluster; undefined while it is starting and after its end. */
  readonly view: MembershipView | undefined;
  /** The shards that it owns, as far as it knows. None after its end. */
  ownedShards(): readonly OwnedShard[];
  /** Messages and bytes that wait in its queues for another node. */
  queuedFor(address: string): { readonly messages: number; readonly bytes: number };
}
