import { isWorking } from "../membership/member.ts";
import type { MembershipView } from "../membership/view.ts";
import type { Remoting } from "../remoting/remoting.ts";
import {
  clientTopologyPath,
  emptyTopology,
  gatewayPath,
  parseGatewayRequest,
  type Topology,
  type TopologyPush,
  type TopologyService,
} from "./topology.ts";

/** What a {@linkcode Gateway} needs. */
export interface GatewayPort {
  readonly remoting: Remoting;
  /** What this node believes of the cluster. */
  view(): MembershipView;
  /** Who is registered in the cluster; the same array as long as nothing has changed. */
  services?(): readonly TopologyService[];
  /** Runs a task after the current turn. */
  defer(task: () => void): void;
}

/**
 * Tells clients who is in the cluster and who offers what: when they ask, and then at every change.
 * A client asks again every few seconds, as a sign of life for both; what it has is not sent twice.
 */
export class Gateway {
  readonly #port: GatewayPort;
  /** What each client calls this node. */
  readonly #subscribers = new Map<string, string>();
  #topology = emptyTopology;
  #signature = "";
  #revision = 1;
  #draining = false;
  #dirty = false;

  /** Opens the path at which clients ask. */
  constructor(port: GatewayPort) {
    this.#port = port;
    port.remoting.handlePeers(gatewayPath, ({ address }, value) => {
      const request = parseGatewayRequest(value);
      if (request?.type === "unsubscribe") this.#subscribers.delete(address);
      if (request?.type !== "subscribe") return;
      this.#subscribers.set(address, request.asked);
      this.#refresh();
      this.#push(address, request.asked, request.have === this.#revision);
    });
  }

  /** The cluster has changed, or who offers what. What changes in one turn is told once. */
  onChange(): void {
    if (this.#dirty) return;
    this.#dirty = true;
    this.#port.defer(() => {
      this.#dirty = false;
      if (this.#refresh()) this.#pushAll();
    });
  }

  /** This node is about to leave: its clients turn to others while it still answers. */
  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#refresh();
    this.#pushAll();
  }

  /** The connection to a client has ended. */
  onPeerDown(address: string): void {
    this.#subscribers.delete(address);
  }

  #pushAll(): void {
    for (const [address, asked] of this.#subscribers) this.#push(address, asked, false);
  }

  /** Whether something has changed since the last time. */
  #refresh(): boolean {
    const topology = topologyOf(this.#port.view(), this.#port.services?.() ?? []);
    const { members, leaving, leader } = topology;
    const signature = JSON.stringify([members, leaving, leader]);
    if (signature === this.#signature && topology.services === this.#topology.services) {
      return false;
    }
    this.#topology = topology;
    this.#signature = signature;
    this.#revision++;
    return true;
  }

  #push(to: string, asked: string, isKnown: boolean): void {
    const push: TopologyPush = {
      asked,
      revision: this.#revision,
      draining: this.#draining,
      topology: isKnown ? undefined : this.#topology,
    };
    this.#port.remoting.send(to, clientTopologyPath, 0, push);
  }
}

const none: readonly TopologyService[] = [];

function topologyOf(view: MembershipView, services: readonly TopologyService[]): Topology {
  const reachable = view.members.filter(({ address }) => !view.unreachable.has(address));
  return {
    members: reachable.filter(isWorking)
      .map(({ address, nodeId, incarnation, roles, appVersion, zone }) => ({
        address,
        nodeId,
        incarnation,
        roles,
        ...(appVersion !== undefined && { appVersion }),
        ...(zone !== undefined && { zone }),
      })),
    leaving: reachable.filter(({ status }) => status === "leaving" || status === "exiting")
      .map(({ address }) => address),
    leader: view.leader,
    services: services.length === 0 ? none : services,
  };
}
