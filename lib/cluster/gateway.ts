import type { MembershipView } from "../membership/view.ts";
import type { Remoting } from "../remoting/remoting.ts";
import { clientTopologyPath, gatewayPath, type Topology } from "./topology.ts";

/** Tells clients who is in the cluster: at once when they ask, then at every change. */
export class Gateway {
  readonly #remoting: Remoting;
  readonly #view: () => MembershipView;
  readonly #subscribers = new Set<string>();

  /** Opens the path at which clients ask. */
  constructor(remoting: Remoting, view: () => MembershipView) {
    this.#remoting = remoting;
    this.#view = view;
    remoting.handlePeers(gatewayPath, (peer) => {
      this.#subscribers.add(peer.address);
      this.#push(peer.address);
    });
  }

  /** The cluster has changed. */
  onView(): void {
    for (const subscriber of this.#subscribers) this.#push(subscriber);
  }

  /** The connection to a client has ended. */
  onPeerDown(address: string): void {
    this.#subscribers.delete(address);
  }

  #push(to: string): void {
    this.#remoting.send(to, clientTopologyPath, 0, topologyOf(this.#view()));
  }
}

function topologyOf(view: MembershipView): Topology {
  return {
    members: view.members
      .filter(({ address, status }) => status === "up" && !view.unreachable.has(address))
      .map(({ address, nodeId, roles }) => ({ address, nodeId, roles })),
    leader: view.leader,
  };
}
