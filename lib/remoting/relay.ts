/**
 * Lets a client reach all nodes through one of them (unisocket). The client wraps its messages to
 * other nodes and sends them to its contact, which forwards them; replies take the same way back. The
 * node that is reached authorizes the message as the client's, not as the contact's.
 *
 * @module
 */
import { maxDelay } from "../runtime/clock.ts";
import type { CertifiedIdentity, PeerIdentity } from "../runtime/network.ts";
import {
  accountOf,
  type ClientPeer,
  holderOf,
  type NodePeer,
  type Peer,
} from "../transport/base/peer.ts";
import { Tally } from "../transport/base/tally.ts";

/** Where a node takes envelopes of clients for other nodes, and of other nodes for its clients. */
export const relayPath = "/_relay";
/** Where a node or client takes envelopes that another has forwarded. */
export const relayedPath = "/_relayed";

/** Clients to which one node keeps a route, and for which it forwards messages. */
const maxRoutes = 10_000;

/** Dependencies of a {@linkcode Relay}. */
export interface RelayPort extends Partial<RelayChoice> {
  /** This system's address. */
  self(): string;
  /** Routes that clients with one certificate may have. */
  readonly maxRoutesPerIdentity: number;
  send(to: string, path: string, message: unknown): void;
  /** The peer of a connection to an address. */
  peerAt(address: string): Peer | undefined;
  /** Whether messages may be forwarded to a node. */
  mayReach(node: string): boolean;
  /** Whether a client may use the address that its contact has named. */
  admits(client: ClientPeer): boolean;
  /** Takes an envelope as if the peer itself had sent it; see {@linkcode Wrapped} for `remaining`. */
  deliver(peer: Peer, envelope: Uint8Array, remaining: number | undefined): void;
  /** A route to a client was added or removed. */
  onRoute(peer: ClientPeer, exists: boolean): void;
  /** A client that was reached through another node has ended. */
  onClosed(client: string): void;
}

/** The route of a client through one node. */
export interface RelayChoice {
  /** The node, `undefined` if there is none at present. */
  contact(): string | undefined;
  /** Whether messages for the path are sent directly to their node. */
  isDirect(path: string, to: string): boolean;
}

/** Nodes through which one client has sent last, and the client as each has named it; latest last. */
type Route = Map<string, ClientPeer>;

/** Nodes of one route: a client changes its contact, and the old one still forwards. */
const maxVias = 3;

/** An envelope, and the address that it is for. */
interface Wrapped {
  readonly to: string;
  readonly envelope: Uint8Array;
  /**
   * Milliseconds that the asker of the message still waits. Not in the envelope: what the peer at its
   * end can read there is not known.
   */
  readonly remaining: number | undefined;
}

/** See the module's text. */
export class Relay {
  readonly #port: RelayPort;
  /** How to reach clients that are connected to other nodes. */
  readonly #routes = new Map<string, Route>();
  /** Routes by the holder of the client's certificate. */
  readonly #routesOf = new Tally();
  /** Nodes to which messages of a client that is connected here were forwarded. */
  readonly #reached = new Map<string, Set<string>>();
  /** Of a client: nodes that have sent through the contact. */
  readonly #senders = new Map<string, NodePeer>();
  /** A forwarded envelope is being delivered. */
  #delivering = false;

  constructor(port: RelayPort) {
    this.#port = port;
  }

  /** Whether this is the end of a client that sends everything through one node. */
  get isClient(): boolean {
    return this.#port.contact !== undefined;
  }

  /** Of such a client: the node. */
  get contact(): string | undefined {
    return this.#port.contact?.();
  }

  /** The client at an address, if it is connected to another node. */
  peerOf(client: string): ClientPeer | undefined {
    const route = this.#routes.get(client);
    return route && latestOf(route);
  }

  /** Whether an envelope for a path at an address has to be wrapped. */
  isNeeded(to: string, path: string): boolean {
    const { contact, isDirect } = this.#port;
    if (contact === undefined) {
      return this.#routes.size > 0 && this.#routes.has(to) && this.#port.peerAt(to) === undefined;
    }
    return path !== relayPath && !isDirect?.(path, to) && to !== contact();
  }

  /** Sends an envelope through the route; false if there is none. */
  send(to: string, envelope: Uint8Array, remaining?: number): boolean {
    const via = this.#port.contact === undefined ? this.peerOf(to)?.via : this.#port.contact();
    if (via === undefined) return false;
    const left = remaining === undefined ? undefined : Math.ceil(remaining);
    this.#port.send(via, relayPath, { to, envelope, ...leftOf(left) });
    return true;
  }

  /** Of a client: the envelope in a message that its contact has not read, and the address it is for. */
  unwrap(value: unknown): Wrapped | undefined {
    return this.#port.contact === undefined ? undefined : parseWrapped(value);
  }

  /** At `relayPath`: an envelope to forward. */
  forward(peer: Peer, value: unknown): void {
    const wrapped = parseWrapped(value);
    // An envelope that was wrapped twice would travel in a circle.
    if (wrapped === undefined || this.#port.contact !== undefined || this.#delivering) return;
    const { to, envelope, remaining } = wrapped;
    const left = leftOf(remaining);
    if (peer.role === "node") {
      const { serializers = [] } = peer;
      if (!to.startsWith("client:") || this.#port.peerAt(to) === undefined) {
        return this.#port.send(peer.address, relayedPath, { client: { address: to }, gone: true });
      }
      const node = peer.address;
      return this.#port.send(to, relayedPath, { node, serializers, envelope, ...left });
    }
    if (to === this.#port.self()) return this.#deliver(peer, envelope, remaining);
    if (to.startsWith("client:") || !this.#port.mayReach(to)) return;
    let reached = this.#reached.get(peer.address);
    if (reached === undefined) this.#reached.set(peer.address, reached = new Set());
    reached.add(to);
    const { address, nodeId, incarnation, protocol, serializers = [], identity } = peer;
    const holder = identity.kind === "plain"
      ? undefined
      : [identity.kind, identity.name, ...(identity.uri === undefined ? [] : [identity.uri])];
    const client = { address, nodeId, incarnation, protocol, serializers, holder };
    this.#port.send(to, relayedPath, { client, envelope, ...left });
  }

  /** At `relayedPath`: a node has forwarded an envelope. */
  receive(via: Peer, value: unknown): void {
    if (via.role !== "node" || !isRecord(value) || this.#delivering) return;
    const { node, serializers = [], envelope } = value;
    if (this.#port.contact === undefined) return this.#receiveOfClient(via, value);
    if (!isText(node) || !(envelope instanceof Uint8Array) || !areTexts(serializers)) return;
    let peer = this.#senders.get(node);
    if (peer === undefined || this.#senders.size > maxRoutes) {
      this.#senders.clear();
      const remote = `through ${via.address}`;
      peer = { ...via, address: node, nodeId: node, remote, serializers };
      this.#senders.set(node, peer);
    }
    this.#deliver(peer, envelope, parseRemaining(value.remaining));
  }

  /** The connection to a peer has ended. */
  onPeerDown({ address, role }: Peer): void {
    if (role === "client") {
      for (const node of this.#reached.get(address) ?? []) {
        this.#port.send(node, relayedPath, { client: { address }, gone: true });
      }
      this.#reached.delete(address);
      return;
    }
    this.#senders.delete(address);
    for (const client of [...this.#routes.keys()]) this.#forgetVia(client, address);
  }

  /** A client that is connected here has ended: tells the nodes to which it has sent through this. */
  onClosed(client: string): void {
    for (const node of this.#reached.get(client) ?? []) {
      const message = { client: { address: client }, gone: true, closed: true };
      this.#port.send(node, relayedPath, message);
    }
    this.#reached.delete(client);
  }

  #receiveOfClient(via: NodePeer, value: Record<string, unknown>): void {
    const { client, envelope, gone, closed } = value;
    const remaining = parseRemaining(value.remaining);
    if (!isRecord(client) || !isText(client.address)) return;
    const route = this.#routes.get(client.address);
    if (gone === true) {
      // Only a node that forwards for a client can say what has become of it.
      if (route?.has(via.address) !== true) return;
      if (closed !== true) return this.#forgetVia(client.address, via.address);
      this.#forget(client.address);
      return this.#port.onClosed(client.address);
    }
    if (!(envelope instanceof Uint8Array)) return;
    const peer = clientPeer(via, client);
    if (peer === undefined || !this.#port.admits(peer)) return;
    const known = route?.get(via.address);
    if (known !== undefined && holderOf(known) === holderOf(peer)) {
      this.#renew(route!, via.address, known);
      return this.#deliver(known, envelope, remaining);
    }
    if (!this.#addRoute(via.address, peer)) return;
    this.#deliver(peer, envelope, remaining);
  }

  /** The client is reached through this node from now on. False: there are too many routes. */
  #addRoute(via: string, peer: ClientPeer): boolean {
    const { address } = peer;
    const route = this.#routes.get(address);
    const account = accountOf(peer);
    if (route !== undefined && holderOf(latestOf(route)) === holderOf(peer)) {
      this.#renew(route, via, peer);
      this.#port.onRoute(peer, true);
      return true;
    }
    if (route === undefined && this.#routes.size >= maxRoutes) return false;
    this.#forget(address);
    if (this.#routesOf.of(account) >= this.#port.maxRoutesPerIdentity) return false;
    this.#routesOf.add(account, 1);
    this.#routes.set(address, new Map([[via, peer]]));
    this.#port.onRoute(peer, true);
    return true;
  }

  #renew(route: Route, via: string, peer: ClientPeer): void {
    route.delete(via);
    route.set(via, peer);
    if (route.size <= maxVias) return;
    for (const oldest of route.keys()) return void route.delete(oldest);
  }

  #deliver(peer: Peer, envelope: Uint8Array, remaining: number | undefined): void {
    this.#delivering = true;
    try {
      this.#port.deliver(peer, envelope, remaining);
    } finally {
      this.#delivering = false;
    }
  }

  /** A client is not reached through this node any more. */
  #forgetVia(client: string, via: string): void {
    const route = this.#routes.get(client);
    if (route?.has(via) !== true) return;
    if (route.size === 1) this.#forget(client);
    else route.delete(via);
  }

  #forget(client: string): void {
    const route = this.#routes.get(client);
    if (route === undefined) return;
    const peer = latestOf(route);
    this.#routes.delete(client);
    this.#routesOf.add(accountOf(peer), -1);
    this.#port.onRoute(peer, false);
  }
}

/** The client as it was named last. Precondition: the route has a node. */
function latestOf(route: Route): ClientPeer {
  let latest: ClientPeer | undefined;
  for (const peer of route.values()) latest = peer;
  return latest!;
}

/** The client that a contact has forwarded for; undefined if the value is none. */
function clientPeer(
  via: NodePeer,
  { address, nodeId, incarnation, protocol, serializers, holder }: Record<string, unknown>,
): ClientPeer | undefined {
  if (!isText(address) || !address.startsWith("client:")) return undefined;
  if (!isText(nodeId) || !isWhole(incarnation) || !isWhole(protocol)) return undefined;
  const identity = parseHolder(holder);
  if (!areTexts(serializers) || identity === undefined) return undefined;
  const remote = `through ${via.address}`;
  const facts = { address, nodeId, incarnation, protocol, serializers, remote, via: via.address };
  return { role: "client", lane: "user", identity, ...facts };
}

/** The identity that the contact has read from the client's certificate. */
function parseHolder(value: unknown): PeerIdentity | undefined {
  if (value === undefined) return { kind: "plain" };
  if (!Array.isArray(value) || value.length < 2 || value.length > 3) return undefined;
  const [kind, name, uri] = value;
  if (!isKind(kind) || typeof name !== "string") return undefined;
  if (uri !== undefined && typeof uri !== "string") return undefined;
  const facts = { name, hosts: [], fingerprint: "", notAfter: 0 };
  return { kind, ...facts, ...(uri !== undefined && { uri }) };
}

function isKind(kind: unknown): kind is CertifiedIdentity["kind"] {
  return kind === "client" || kind === "node" || kind === "admin";
}

function parseWrapped(value: unknown): Wrapped | undefined {
  if (!isRecord(value) || !isText(value.to)) return undefined;
  const { to, envelope } = value;
  if (!(envelope instanceof Uint8Array)) return undefined;
  return { to, envelope, remaining: parseRemaining(value.remaining) };
}

/** The remaining time in a message; undefined if there is none, or it cannot be right. */
function parseRemaining(value: unknown): number | undefined {
  return isWhole(value) && value <= maxDelay ? value : undefined;
}

/** The field of a message that has a remaining time. */
function leftOf(remaining: number | undefined): { remaining?: number } {
  return remaining === undefined ? {} : { remaining };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= 300;
}

function areTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= 64 && value.every(isText);
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
