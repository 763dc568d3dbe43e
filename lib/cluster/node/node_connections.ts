import type { ActorSystem } from "../../actor/system/actor_system.ts";
import type { DialFailure } from "../../transport/endpoint/dial_failure.ts";
import type { Peer } from "../../transport/base/peer.ts";
import { Remoting, type RemotingOptions } from "../../remoting/remoting.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { ClusterOptions } from "./cluster_options.ts";

/** Callbacks of the connections of a node. */
export interface ConnectionPort {
  /** The incarnation that this node sends in its hello. */
  incarnation(): number;
  /** A node is unreachable, or has rejected this one. */
  onUnreachable(failure: DialFailure): void;
  /** The node that was dialled under the address `of` has another, which may be that of this node. */
  onAlias(of: string, address: string): void;
  /** Whether the address is that of a member. */
  mayReach(address: string): boolean;
  /** Whether a node is a member, or was one and is still connected. */
  admitsNode(address: string): boolean;
  /** See `RemotingOptions.onForeignNode`. */
  readonly onForeignNode: NonNullable<RemotingOptions["onForeignNode"]>;
  /** A connection of a peer has ended; see `EndpointOptions.onPeerDown`. */
  onPeerDown(peer: Peer, cut: boolean): void;
  /** Any traffic has arrived from a peer. */
  onSignOfLife(peer: Peer): void;
}

/** Opens the port of a node. */
export function openConnections(
  system: ActorSystem,
  options: ClusterOptions,
  runtime: Runtime,
  port: ConnectionPort,
): Promise<Remoting> {
  return Remoting.start(system, {
    runtime,
    systemName: options.name,
    role: "node",
    nodeId: options.nodeId ?? "",
    incarnation: () => port.incarnation(),
    host: options.host,
    port: options.port,
    bindHost: options.bindHost ?? options.host,
    ...(options.tls && { tls: options.tls }),
    ...(options.addressMap && { addressMap: options.addressMap }),
    ...(options.advertisedHost && { advertisedHost: options.advertisedHost }),
    ...(options.advertisedPort && { advertisedPort: options.advertisedPort }),
    ...(options.transport && { limits: options.transport }),
    ...(options.serializers && { serializers: options.serializers }),
    ...(options.clientTimeout !== undefined && { clientTimeout: options.clientTimeout }),
    onTlsEvent: (event) => system.eventStream.publish(event),
    onUnreachable: (failure) => port.onUnreachable(failure),
    onAlias: (of, address) => port.onAlias(of, address),
    mayReach: (address) => port.mayReach(address),
    admitsNode: (address) => port.admitsNode(address),
    onForeignNode: port.onForeignNode,
    onPeerDown: (peer, _lane, _reason, cut) => port.onPeerDown(peer, cut),
    onSignOfLife: (peer) => port.onSignOfLife(peer),
  });
}
