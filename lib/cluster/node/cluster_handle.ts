import type { HealthReport } from "../../membership/detector/health.ts";
import { type ClusterState, clusterState } from "./cluster_state.ts";
import { ClusterError } from "../errors.ts";
import { explain, type ExplainFacts, type ExplainTopic, explainTopics } from "./explanation.ts";
import type { ExtensionHealth } from "./node_extension.ts";

/** How a node sees its peers, and whether its extensions work. */
export interface ClusterHealth extends HealthReport {
  /** By name of the extension; extensions that do not report health are left out. */
  readonly extensions: Readonly<Record<string, ExtensionHealth>>;
}

/** Health reports of a node's extensions. */
export interface ExtensionReports {
  /** Topics that the extensions can explain. */
  readonly topics: readonly string[];
  /** Explains one of the topics. */
  explain(topic: string): readonly string[];
  /** Whether each works, by name. */
  health(): Readonly<Record<string, ExtensionHealth>>;
}

const noExtensions: ExtensionReports = { topics: [], explain: () => [], health: () => ({}) };

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
  readonly #extensions: ExtensionReports;

  /** @internal `facts` is called for each report; it throws before the node has started. */
  constructor(facts: () => ExplainFacts, extensions: ExtensionReports = noExtensions) {
    this.#facts = facts;
    this.#extensions = extensions;
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
   * @param topic only this: one of the node's own, or of an extension, such as `"sharding"`. Default:
   * all.
   * @throws {ClusterError} codes `notStarted`, `unknownTopic`.
   */
  explain(topic?: ExplainTopic | (string & Record<never, never>)): readonly string[] {
    const facts = this.#facts();
    const { topics } = this.#extensions;
    if (topic === undefined) {
      return [...explain(facts), ...topics.flatMap((one) => this.#extensions.explain(one))];
    }
    if (topics.includes(topic)) return this.#extensions.explain(topic);
    const own = explainTopics.find((one) => one === topic);
    if (own !== undefined) return explain(facts, own);
    throw new ClusterError("unknownTopic", `"${topic}" cannot be explained`, {
      value: topic,
      remedy: `use one of ${[...explainTopics, ...topics].join(", ")}`,
    });
  }

  /** @internal Topics that the extensions of this node can explain. */
  get topics(): readonly string[] {
    return this.#extensions.topics;
  }

  /**
   * The local health of this node, the state of the peers that it monitors (phi, accusations and
   * their reasons), and whether its extensions work.
   *
   * @throws {ClusterError} code `notStarted`.
   */
  get health(): ClusterHealth {
    return { ...this.#facts().health, extensions: this.#extensions.health() };
  }
}
