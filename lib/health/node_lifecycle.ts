import type { ActorSystem } from "../actor/system/actor_system.ts";
import type { ClusterHandle } from "../cluster/node/cluster_handle.ts";
import type { ClusterState } from "../cluster/node/cluster_state.ts";
import type { NodeExtension } from "../cluster/node/node_extension.ts";
import { isWorking } from "../membership/state/member.ts";
import type { HealthFacts } from "./health_judgement.ts";

/** A node whose health is reported; every `ClusteredActorSystem` is one. */
export interface HealthSource {
  /** Its view of the cluster. */
  readonly cluster: ClusterHandle;
  /** See `ActorSystem`. */
  readonly onShutdown: ActorSystem["onShutdown"];
}

/** Numbers the tasks of the shutdown: their names are unique in a phase. */
let handlers = 0;

/** Follows one node from before its start to its end. */
export class NodeLifecycle {
  #source: HealthSource | undefined;
  #phase: HealthFacts["phase"] = "starting";
  #wasUp = false;

  /** The node. */
  bind(source: HealthSource): void {
    this.#source = source;
    const name = `health ${++handlers}`;
    try {
      source.onShutdown("beforeShutdown", name, () => void (this.#phase = "stopping"));
      source.onShutdown("afterStop", name, () => void (this.#phase = "stopped"));
    } catch {
      // Its shutdown has begun already.
      this.#phase = "stopped";
    }
  }

  /** It is up. */
  started(): void {
    this.#wasUp = true;
    if (this.#phase === "starting") this.#phase = "running";
  }

  /** Binds it to the node that it is installed at. */
  extension(): NodeExtension {
    return {
      name: "health",
      // An extension's system is the node.
      install: ({ system }) => this.bind(system as ActorSystem & HealthSource),
      onView: ({ self }) => {
        if (isWorking(self)) this.started();
      },
    };
  }

  /** What the checks are judged by. */
  get facts(): HealthFacts {
    const status = this.#state()?.self.status;
    return {
      phase: this.#phase,
      wasUp: this.#wasUp,
      status,
      explanation: status === undefined ? [] : this.#source!.cluster.explain("joining"),
      extensions: status === undefined ? {} : this.#source!.cluster.health.extensions,
    };
  }

  /** The node as it sees itself, once its port is open. */
  get node(): { address: string; nodeId: string; status: string } | undefined {
    const self = this.#state()?.self;
    return self && { address: self.address, nodeId: self.nodeId, status: self.status };
  }

  #state(): ClusterState | undefined {
    try {
      return this.#source?.cluster.state();
    } catch {
      // Its port is not open.
      return undefined;
    }
  }
}
