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

/** The dependencies of a {@linkcode Gateway}. */
export interface GatewayPort {
  readonly remoting: Remoting;
  /** The current view of the cluster. */
  view(): MembershipView;
  /** Services registered in the cluster; the same array until it changes. */
  services?(): readonly TopologyService[];
  /** Runs a task after the current turn. */
  defer(task: () => void): void;
  /** Milliseconds on a monotonic clock. */
  now(): number;
}

/** Milliseconds before a client that subscribes again is sent the same topology again. */
const resendInterval = 200;

/** A client that receives topology updates. */
interface Subscriber {
  /** The address by which the client knows this node. */
  asked: string;
  /** False after it has unsubscribed; kept to enforce the interval. */
  subscribed: boolean;
  /** When it was last sent a whole topology on request. */
  sentAt: number;
}

/**
 * Sends clients the topology of the cluster: on subscription, and then at every change. A client
 * subscribes again every few seconds, as a heartbeat in both directions; a revision that it has is
 * not sent twice.
 */
export class Gateway {
  readonly #port: GatewayPort;
  /** Connected clients by address. */
  readonly #subscribers = new Map<string, Subscriber>();
  #topology = emptyTopology;
  #signature = "";
  #revision = 1;
  #draining = false;
  #dirty = false;

  /** Handles requests of clients. */
  constructor(port: GatewayPort) {
    this.#port = port;
    port.remoting.handlePeers(gatewayPath, (peer, value) => {
      // A relayed client is not connected here, so its disconnection would not be noticed.
      if (port.remoting.endpoint.peerAt(peer.address, "user") !== peer) return;
      const request = parseGatewayRequest(value);
      if (request !== undefined) this.#onRequest(peer.address, request);
    });
  }

  /** The view or the services have changed. Changes within one turn are sent once. */
  onChange(): void {
    if (this.#dirty) return;
    this.#dirty = true;
    this.#port.defer(() => {
      this.#dirty = false;
      if (this.#refresh()) this.#pushAll();
    });
  }

  /** This node is about to leave: its clients switch to other nodes while it still answers. */
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
    if (request.type === "unsubscribe" && known !== undefined) known.subscribed = false;
    if (request.type !== "subscribe") return;
    const { asked, have } = request;
    const subscriber = known ?? { asked, subscribed: true, sentAt: -Infinity };
    subscriber.asked = asked;
    subscriber.subscribed = true;
    this.#subscribers.set(address, subscriber);
    // Later changes are pushed by `onChange`.
    if (this.#signature === "") this.#refresh();
    if (have === this.#revision) return this.#push(address, asked, true);
    const now = this.#port.now();
    // A topology may be large, while a request is small.
    if (now - subscriber.sentAt < resendInterval) return;
    subscriber.sentAt = now;
    this.#push(address, asked, false);
  }

  #pushAll(): void {
    for (const [address, { asked, subscribed }] of this.#subscribers) {
      if (subscribed) this.#push(address, asked, false);
    }
  }

  /** Updates the topology. Returns whether it has changed. */
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
