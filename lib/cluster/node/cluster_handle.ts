import type { HealthReport } from "../../membership/detector/health.ts";
import { type ClusterState, clusterState } from "./cluster_state.ts";
import { explain, type ExplainFacts, type ExplainTopic } from "./explanation.ts";

/**
 * Read-only access to the cluster as a node sees it: `system.cluster`.
 *
 * @example
 * ```ts
 * import { ClusteredActorSystem } from "@casty/casty";
 *
 * await using system = await ClusteredActorSystem.start({
 *   name: "example",
 *   host: "127.0.0.1",
 *   port: 0,
 * });
 * const { members, leader, converged } = system.cluster.state();
 * console.assert(leader === members[0]?.address && converged);
 * for (const line of system.cluster.explain()) console.log(line);
 * ```
 */
export class ClusterHandle {
  readonly #facts: () => ExplainFacts;

  /** `facts` is called at each access; it throws before the node has started. */
  constructor(facts: () => ExplainFacts) {
    this.#facts = facts;
  }

  /**
   * The members, their status and reachability, and the leader in the current view of this node. A
   * frozen snapshot.
   *
   * @throws {ClusterError} code `notStarted`.
   */
  state(): ClusterState {
    const { view, health, missing } = this.#facts();
    return clusterState(view, health, missing);
  }

  /**
   * Explains the state of the cluster in sentences for people: why this node does not join, which
   * members block convergence, which observers report a member unreachable, and which downing
   * decision is pending and when it takes effect. Never empty. The wording may change; programs read
   * {@linkcode state}.
   *
   * @param topic only this. Default: all.
   * @throws {ClusterError} code `notStarted`.
   */
  explain(topic?: ExplainTopic): readonly string[] {
    return explain(this.#facts(), topic);
  }

  /**
   * The local health of this node and the state of the peers that it monitors: phi, accusations and
   * their reasons.
   *
   * @throws {ClusterError} code `notStarted`.
   */
  get health(): HealthReport {
    return this.#facts().health;
  }
}
