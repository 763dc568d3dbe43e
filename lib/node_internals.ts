/**
 * What tools that look into a node may see, and users may not.
 *
 * @module
 */
import type { ActorSystem } from "./actor/system/actor_system.ts";
import type { HealthReport } from "./membership/detector/health.ts";
import type { TlsMaterial } from "./runtime/network.ts";
import type { MembershipView } from "./membership/state/view.ts";
import type { Remoting } from "./remoting/remoting.ts";
import type { LogTap } from "./runtime/tapped_logger.ts";

/** See the module's text. */
export interface NodeInternals {
  /** What the node believes of its cluster. Not before it has started. */
  readonly view: MembershipView;
  /** How it sees itself and the peers that it watches. Not before it has started. */
  readonly health: HealthReport;
  /** Its connections. Not before it has started. */
  readonly remoting: Remoting;
  /** Its certificate and key; undefined: its connections are not encrypted. */
  readonly tls: TlsMaterial | undefined;
  /** Declares a member down, as an operator has decided. Returns whether it was a live member. */
  down(address: string, why: string): boolean;
  /**
   * Shows `tap` each line of the node's log, of all levels, before the logger writes it. Returns a
   * function that ends it.
   */
  tapLog(tap: LogTap): () => void;
  /**
   * Whether what the node owns is suspended now: kept, but no handler of it runs. By its own clock,
   * so before anything of it has noticed.
   */
  readonly suspended: boolean;
}

const internals = new WeakMap<ActorSystem, NodeInternals>();

/** Called by the node, once. */
export function setNodeInternals(system: ActorSystem, value: NodeInternals): void {
  internals.set(system, value);
}

/** The internals of a node; undefined for a system that is none. */
export function nodeInternalsOf(system: ActorSystem): NodeInternals | undefined {
  return internals.get(system);
}
