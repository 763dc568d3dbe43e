import type { ActorSystem } from "../actor/system/actor_system.ts";
import type { ClusterHandle } from "../cluster/node/cluster_handle.ts";
import type { ExtensionKey } from "../cluster/node/extension_key.ts";

/** A node that a dashboard shows; every `ClusteredActorSystem` is one. */
export interface DashboardSource {
  /** Name of the cluster. */
  readonly name: string;
  /** `"host:port"`. */
  readonly address: string;
  /** The node's label. */
  readonly nodeId: string;
  /** Its view of the cluster. */
  readonly cluster: ClusterHandle;
  /** See `ActorSystem`. */
  readonly runtime: ActorSystem["runtime"];
  /** See `ActorSystem`. */
  readonly onShutdown: ActorSystem["onShutdown"];
  /** See `ActorSystem`. */
  readonly shutdown: ActorSystem["shutdown"];
  /** What an extension of the node exposes. */
  extension<T>(key: ExtensionKey<T>): T;
}
