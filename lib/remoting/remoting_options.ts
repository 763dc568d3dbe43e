import type { DeadLetterReason } from "../actor/services/dead_letter.ts";
import type { EndpointOptions } from "../transport/endpoint/endpoint_options.ts";
import type { RelayChoice } from "./relay.ts";
import type { Lane, NodePeer, Peer } from "../transport/base/peer.ts";
import type { TransportLimits } from "../transport/base/limits.ts";
import type { WireLimits } from "../wire/limits.ts";
import type { Serializer } from "../wire/serializer.ts";

/** Takes messages at a path that is open to nodes only. */
export type NodeHandler = (peer: NodePeer, message: unknown) => void;
/** Takes messages at a path that is open to nodes and clients. */
export type PeerHandler = (peer: Peer, message: unknown) => void;
/** Takes messages at paths that begin with a prefix and have no handler. */
export type MissingHandler = (peer: Peer, message: unknown, path: string) => void;
/**
 * Takes back a message for `path` at `to` that was certainly not read there. False: it is not taken,
 * and lost.
 */
export type UndeliveredHandler = (to: string, message: unknown, path: string) => boolean;

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
    /** A message to `to` could not be delivered. */
    readonly onUndelivered?: (to: string, reason: DeadLetterReason) => void;
    /** Watches that one peer may have here, and this system at one peer. Default 100 000. */
    readonly maxWatchesPerPeer?: number;
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
