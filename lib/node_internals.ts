/**
 * What tools that look into a node may see, and users may not.
 *
 * @module
 */
import type { ActorSystem } from "./actor/system/actor_system.ts";
import type { HealthReport } from "./membership/detector/health.ts";
import type { MembershipView } from "./membership/state/view.ts";
import type { Remoting } from "./remoting/remoting.ts";

/** See the module's text. */
export interface NodeInternals {
  /** What the node believes of its cluster. Not before it has started. */
  readonly view: MembershipView;
  /** How it sees itself and the peers that it watches. Not before it has started. */
  readonly health: HealthReport;
  /** Its connections. Not before it has started. */
  readonly remoting: Remoting;
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
