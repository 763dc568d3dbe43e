import type { ClientPolicy } from "../actor/services/client_policy.ts";
import { type ExtensionKey, extensionKey } from "../cluster/node/extension_key.ts";
import type { Topic } from "./topic.ts";
import type { TopicAccess } from "./topic_access.ts";
import type { TopicHandle } from "./topic_handle.ts";

/** Options of `system.topic`. */
export interface OpenTopicOptions {
  /**
   * What a client may do with the topic at this node, by the identity in its certificate: `true`,
   * `"publish"`, `"subscribe"` or `false`. Called once for each connection. A client may be connected to
   * any node, so give all nodes the same. A later call replaces it. Default: all clients publish and
   * subscribe.
   *
   * @example
   * ```ts
   * import { ClusteredActorSystem, Topic } from "@casty/casty";
   *
   * const Alerts = Topic<string>("alerts");
   * await using system = await ClusteredActorSystem.start({
   *   name: "example",
   *   host: "127.0.0.1",
   *   port: 0,
   * });
   * // Clients read alerts, and only nodes publish them.
   * system.topic(Alerts, { clients: ({ identity }) => identity.kind === "client" && "subscribe" });
   * ```
   */
  readonly clients?: ClientPolicy<TopicAccess>;
}

/** An open topic, for tools. */
export interface TopicFacts {
  readonly name: string;
  /** Actors and readers of this node. */
  readonly subscribers: number;
  /** Clients of this node. */
  readonly clients: number;
  /** Messages that are kept for later subscribers. */
  readonly retained: number;
}

/** The topics of a node. */
export interface Topics {
  /** Opens a topic, or returns the one that is open. */
  open<M>(topic: Topic<M>, options?: OpenTopicOptions): TopicHandle<M>;
  /** The topics that are open, at most `limit`. */
  list(limit: number): readonly TopicFacts[];
}

/** Under which a node exposes its {@linkcode Topics}. */
export const topicsKey: ExtensionKey<Topics> = extensionKey("topics");
