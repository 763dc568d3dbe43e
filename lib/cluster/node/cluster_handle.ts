import type { HealthReport } from "../../membership/detector/health.ts";
import { type ClusterState, clusterState } from "./cluster_state.ts";
import { explain, type ExplainFacts, type ExplainTopic } from "./explanation.ts";

/**
 * What a node tells about its cluster: `system.cluster`. It only looks; nothing changes through it.
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

  /** `facts` is called at each question; it throws before the node has started. */
  constructor(facts: () => ExplainFacts) {
    this.#facts = facts;
  }

  /**
   * Who belongs to the cluster, in what state, who can be reached and who leads, as this node
   * believes now. A frozen value, made for each call.
   *
   * @throws {ClusterError} code `notStarted`.
   */
  state(): ClusterState {
    const { view, health, missing } = this.#facts();
    return clusterState(view, health, missing);
  }

  /**
   * Why the cluster is as it is, in sentences for people: why this node does not join, what has not
   * converged and who is missing, on whose word a member is unreachable, what will come of it, and
   * when. Never empty. The wording may change; programs read {@linkcode state}.
   *
   * @param topic only this. Default: all.
   * @throws {ClusterError} code `notStarted`.
   */
  explain(topic?: ExplainTopic): readonly string[] {
    return explain(this.#facts(), topic);
  }

  /**
   * How this node sees itself and the peers that it watches: how suspicious their silence is, why
   * they cannot be reached, and how much it doubts its own ears.
   *
   * @throws {ClusterError} code `notStarted`.
   */
  get health(): HealthReport {
    return this.#facts().health;
  }
}
