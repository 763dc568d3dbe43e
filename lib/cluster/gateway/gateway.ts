import { isWorking } from "../../membership/state/member.ts";
import type { MembershipView } from "../../membership/state/view.ts";
import type { Remoting } from "../../remoting/remoting.ts";
import {
  clientTopologyPath,
  emptyTopology,
  gatewayPath,
  type GatewayRequest,
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
  /** Milliseconds that only go forward. */
  now(): number;
}

/** Milliseconds in which a client that asks again is not told the same topology again. */
const tellInterval = 200;

/** A client that is told of changes. */
interface Subscriber {
  /** What the client calls this node. */
  asked: string;
  /** It has unsubscribed, and is remembered for the sake of the interval. */
  listens: boolean;
  /** When it was told a whole topology because it has asked. */
  toldAt: number;
}

/**
 * Tells clients who is in the cluster and who offers what: when they ask, and then at every change.
 * A client asks again every few seconds, as a sign of life for both; what it has is not sent twice.
 */
export class Gateway {
  readonly #port: GatewayPort;
  /** By address, as long as they are connected. */
  readonly #subscribers = new Map<string, Subscriber>();
  #topology = emptyTopology;
  #signature = "";
  #revision = 1;
  #draining = false;
  #dirty = false;

  /** Opens the path at which clients ask. */
  constructor(port: GatewayPort) {
    this.#port = port;
    port.remoting.handlePeers(gatewayPath, (peer, value) => {
      // Of whom another node passes messages on, nobody tells when it has gone.
      if (port.remoting.endpoint.peerAt(peer.address, "user") !== peer) return;
      const request = parseGatewayRequest(value);
      if (request !== undefined) this.#onRequest(peer.address, request);
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

  #onRequest(address: string, request: GatewayRequest): void {
    const known = this.#subscribers.get(address);
    if (request.type === "unsubscribe" && known !== undefined) known.listens = false;
    if (request.type !== "subscribe") return;
    const { asked, have } = request;
    const subscriber = known ?? { asked, listens: true, toldAt: -Infinity };
    subscriber.asked = asked;
    subscriber.listens = true;
    this.#subscribers.set(address, subscriber);
    // What has changed since is told in a moment.
    if (this.#signature === "") this.#refresh();
    if (have === this.#revision) return this.#push(address, asked, true);
    const now = this.#port.now();
    // A whole topology may be large, and to ask for it is cheap.
    if (now - subscriber.toldAt < tellInterval) return;
    subscriber.toldAt = now;
    this.#push(address, asked, false);
  }

  #pushAll(): void {
    for (const [address, { asked, listens }] of this.#subscribers) {
      if (listens) this.#push(address, asked, false);
    }
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
