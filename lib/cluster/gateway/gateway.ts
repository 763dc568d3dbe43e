import { isAlive, isLeaving, isWorking, type Member } from "../../membership/state/member.ts";
import type { MembershipView } from "../../membership/state/view.ts";
import type { Remoting } from "../../remoting/remoting.ts";
import {
  clientTopologyPath,
  emptyTopology,
  gatewayPath,
  type GatewayRequest,
  type OtherMember,
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
  /** The latest revision that it has confirmed. */
  confirmed: number;
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
  /** Called when all subscribers have confirmed the latest topology. */
  readonly #onConfirmed = new Set<() => void>();

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
    this.#checkConfirmed();
  }

  /**
   * Calls back when all subscribers use the topology that this node knows now, or a later one; at
   * once if they do. Returns a function that cancels that.
   */
  whenConfirmed(callback: () => void): () => void {
    if (this.#refresh()) this.#pushAll();
    this.#onConfirmed.add(callback);
    this.#checkConfirmed();
    return () => void this.#onConfirmed.delete(callback);
  }

  #checkConfirmed(): void {
    if (this.#onConfirmed.size === 0) return;
    for (const { subscribed, confirmed } of this.#subscribers.values()) {
      if (subscribed && confirmed < this.#revision) return;
    }
    const callbacks = [...this.#onConfirmed];
    this.#onConfirmed.clear();
    for (const callback of callbacks) callback();
  }

  #onRequest(address: string, request: GatewayRequest): void {
    const known = this.#subscribers.get(address);
    switch (request.type) {
      case "unsubscribe":
        if (known !== undefined) known.subscribed = false;
        return this.#checkConfirmed();
      case "confirm":
        return this.#confirm(known, request.have);
      case "close":
        return this.#port.remoting.endClient(address);
      case "subscribe":
        return this.#subscribe(address, known, request);
      case "meet":
    }
  }

  /** A client cannot confirm what it was not sent. */
  #confirm(subscriber: Subscriber | undefined, revision: number): void {
    if (subscriber === undefined || revision > this.#revision) return;
    subscriber.confirmed = Math.max(subscriber.confirmed, revision);
    this.#checkConfirmed();
  }

  #subscribe(
    address: string,
    known: Subscriber | undefined,
    { asked, have }: Extract<GatewayRequest, { type: "subscribe" }>,
  ): void {
    const subscriber = known ?? { asked, subscribed: true, sentAt: -Infinity, confirmed: 0 };
    subscriber.asked = asked;
    subscriber.subscribed = true;
    this.#subscribers.set(address, subscriber);
    this.#confirm(subscriber, have);
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
    const { members, leaving, others, leader } = topology;
    const signature = JSON.stringify([members, leaving, others, leader]);
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
    leaving: reachable.filter(isLeaving).map(({ address }) => address),
    others: view.members.flatMap((member) => otherMember(member, view.unreachable)),
    leader: view.leader,
    services: services.length === 0 ? none : services,
  };
}

function otherMember(member: Member, unreachable: ReadonlySet<string>): readonly OtherMember[] {
  const { address, incarnation } = member;
  if (!isAlive(member)) return [];
  if (unreachable.has(address)) return [{ address, incarnation, state: "unreachable" }];
  if (isWorking(member)) return [];
  return [{ address, incarnation, state: isLeaving(member) ? "leaving" : "joining" }];
}
