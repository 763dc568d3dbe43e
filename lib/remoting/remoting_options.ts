import type { DeadLetterReason } from "../actor/services/dead_letter.ts";
import type { ActorRef, RefAddress } from "../actor/ref/ref.ts";
import type { PeerIdentity } from "../runtime/network.ts";
import type { EndpointOptions } from "../transport/endpoint/endpoint_options.ts";
import type { RelayChoice } from "./relay.ts";
import type { Lane, NodePeer, Peer } from "../transport/base/peer.ts";
import type { TransportLimits } from "../transport/base/limits.ts";
import type { WireLimits } from "../wire/limits.ts";
import type { Serializer } from "../wire/serializer.ts";

/**
 * Takes messages at a path that is open to nodes only. `deadline`: when the asker of a message gives
 * up, on the clock of the runtime; undefined: never. So in all handlers.
 */
export type NodeHandler = (peer: NodePeer, message: unknown, deadline?: number) => void;
/** Takes messages at a path that is open to nodes and clients. */
export type PeerHandler = (peer: Peer, message: unknown, deadline?: number) => void;
/** Takes messages at paths that begin with a prefix and have no handler. */
export type MissingHandler = (
  peer: Peer,
  message: unknown,
  path: string,
  deadline?: number,
) => void;
/**
 * Takes back a message for `path` at `to` that was certainly not read there. False: it is not taken,
 * and lost.
 */
export type UndeliveredHandler = (
  to: string,
  message: unknown,
  path: string,
  deadline?: number,
) => boolean;
/**
 * What a user has sent in a message for `path` that is lost, and to which path below it. Undefined: the
 * message itself.
 */
export type LostContents = (
  path: string,
  message: unknown,
) => { readonly path: string; readonly message: unknown } | undefined;

/** Whose message a reference has arrived in. */
export interface RefSource {
  /** A client may have forged it. */
  readonly role: "node" | "client";
  /** `"host:port"`, or `"client:<id>"`. */
  readonly address: string;
  /** The identity in its certificate. */
  readonly identity: PeerIdentity;
}

/** Makes the reference of an address that has arrived; without a source, from this system itself. */
export type RefResolver = (
  address: RefAddress,
  from: RefSource | undefined,
) => ActorRef<never> | undefined;

/** Options of the endpoint except the ones that the bridge provides. */
export type RemotingOptions =
  & Omit<
    EndpointOptions,
    | "onMessage"
    | "onDropped"
    | "onPeerDown"
    | "onPeerUp"
    | "onSignOfLife"
    | "serializers"
    | "refuses"
    | "adapt"
  >
  & {
    readonly onPeerUp?: (peer: Peer, lane: Lane) => void;
    /** See `EndpointOptions.onPeerDown`. */
    readonly onPeerDown?: (peer: Peer, lane: Lane, reason: string, cut: boolean) => void;
    readonly onSignOfLife?: (peer: Peer) => void;
    /**
     * Whether user traffic may go to a node. A reference in a message can name any address: without
     * this a client could make a node dial any host. Default: everywhere.
     */
    readonly mayReach?: (address: string) => boolean;
    /**
     * Whether a node may send to actors and parts of this system. Default: every node may, which is
     * right for a client only.
     */
    readonly admitsNode?: (address: string) => boolean;
    /**
     * A node that is not admitted has sent a message: calls `deliver` if it is admitted soon,
     * otherwise `refuse`. Default: it is refused.
     */
    readonly onForeignNode?: (
      peer: NodePeer,
      path: string,
      message: unknown,
      deliver: () => void,
      refuse: () => void,
    ) => void;
    /** A message to `to` could not be delivered. */
    readonly onUndelivered?: (to: string, reason: DeadLetterReason) => void;
    /** Milliseconds after which a client that is not connected counts as gone. Default 60 000. */
    readonly clientTimeout?: number;
    /** Of a client that sends everything through one node. Default: directly to each. */
    readonly relay?: RelayChoice;
    /** How values of users' classes cross the wire. Default: not at all. */
    readonly serializers?: readonly Serializer[];
  };

/** The limits of the codec: a connection and the codec have the same one for messages. */
export function messageLimits(limits: TransportLimits): Partial<WireLimits> {
  const { maxMessage, maxDepth, maxValues, maxArray, maxMap, maxString, maxBinary } = limits;
  return { maxMessage, maxDepth, maxValues, maxArray, maxMap, maxString, maxBinary };
}
