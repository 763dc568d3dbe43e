import type { CertifiedIdentity, PeerIdentity } from "../../runtime/network.ts";

/**
 * Which connection a message takes. Between two nodes each lane is a connection of its own, so that
 * heartbeats never wait behind messages of users, nor these behind the logs of shards; a client uses one
 * connection for all. Nodes without the feature `replication` do not know the lane of that name.
 */
export type Lane = "control" | "user" | "replication";

/** Where copies of shards send each other messages: the path of the lane `replication`. */
export const replicationPath = "/_cluster/replication";

/** All lanes. */
export const lanes: readonly Lane[] = ["control", "user", "replication"];

interface PeerFacts {
  /** The label that the peer states. */
  readonly nodeId: string;
  /** Of the node or client at this address: a later one has a higher number. */
  readonly incarnation: number;
  /** The protocol version of the connection. */
  readonly protocol: number;
  /** Where the peer's socket is; for logs. */
  readonly remote: string;
  /** The node that has named this client and forwards for it. Default: it is connected itself. */
  readonly via?: string;
  readonly lane: Lane;
  /** The custom serializers that the peer has, as `"name@version"`; it numbers them like that. */
  readonly serializers?: readonly string[];
  /** Whether both ends put trace contexts into envelopes. Default false. */
  readonly traces?: boolean;
  /** Whether both ends put the remaining time of asks into envelopes. Default false. */
  readonly deadlines?: boolean;
  /** Whether both ends report lost asks to the nodes of routers. Default false. */
  readonly routedAsks?: boolean;
  /** Whether both ends take reports of aborted asks. Default false. */
  readonly abortedAsks?: boolean;
  /** Whether both ends know the lane `replication`. Default false. */
  readonly replicates?: boolean;
}

/** A node that has proved to be one. Only a node peer can become a member. */
export interface NodePeer extends PeerFacts {
  readonly role: "node";
  /** `"host:port"`; the host is covered by the certificate. */
  readonly address: string;
  readonly identity: Extract<PeerIdentity, { kind: "node" | "plain" }>;
}

/** A client: it reaches only paths open to clients, and never becomes a member. */
export interface ClientPeer extends PeerFacts {
  readonly role: "client";
  /** `"client:<URI>#<id>"` or `"client:<id>"`; see `client_address.ts`. */
  readonly address: string;
  readonly identity: PeerIdentity;
}

/** The part of an identity that names its holder. */
export type HolderIdentity = { readonly kind: "plain" } | {
  readonly kind: CertifiedIdentity["kind"];
  readonly name: string;
  readonly uri?: string;
};

/**
 * The holder of a peer's certificate: only the same holder may take over an address that is
 * connected. It is the URI name in full, since two trust domains may use the same last part.
 */
export function holderOf({ identity }: { readonly identity: HolderIdentity }): string {
  if (identity.kind === "plain") return "plain";
  const { kind, uri, name } = identity;
  return uri === undefined ? `${kind} name ${name}` : `${kind} URI ${uri}`;
}

/** A peer, or this node itself, which has no identity where it serves itself. */
export interface AccountFacts {
  readonly identity?: HolderIdentity | undefined;
  readonly address: string;
}

/**
 * Whom limits count for: the holder of a certificate, however many connections and addresses it uses.
 * Where nothing is proved, the address that the peer has chosen.
 */
export function accountOf({ identity, address }: AccountFacts): string {
  if (identity === undefined || identity.kind === "plain") return address;
  return holderOf({ identity });
}

/** The peer of a connection, after the handshake. */
export type Peer = NodePeer | ClientPeer;
