import type { LimitedLog } from "../runtime/limited_log.ts";
import type { EndpointOptions } from "../transport/endpoint/endpoint_options.ts";
import type { Peer } from "../transport/base/peer.ts";
import type { Codec } from "../wire/codec.ts";
import { decodeEnvelopeHeader } from "../wire/envelope.ts";
import type { WireError } from "../wire/errors.ts";
import type { Serializer } from "../wire/serializer.ts";
import { internalNumber, peerWithInternal, withInternal } from "./internal_form.ts";
import type { PeerLog } from "./peer_log.ts";
import {
  noSerializers,
  type PeerSerializers,
  type Reviver,
  SerializerRegistry,
  SerializerScan,
} from "../wire/serializer_registry.ts";

/** What nodes may send that have no custom serializers. */
const ofNodes: Reviver = withInternal(noSerializers);

/** The custom serializers of one system, and those of its peers. */
export class Serialization {
  /** The serializers of this end; undefined if it has none. */
  readonly registry: SerializerRegistry | undefined;
  readonly #peerLog: PeerLog;
  readonly #log: LimitedLog;
  /** A peer is an object for each connection. */
  readonly #peers = new WeakMap<Peer, PeerSerializers>();

  /**
   * @throws {OptionError}
   */
  constructor(
    serializers: readonly Serializer[] | undefined,
    peerLog: PeerLog,
    log: LimitedLog,
  ) {
    this.#peerLog = peerLog;
    this.#log = log;
    if (serializers === undefined || serializers.length === 0) return;
    this.registry = new SerializerRegistry(serializers);
  }

  /** Revives the values that this end has written. */
  get own(): Reviver {
    return this.registry ?? noSerializers;
  }

  /** Options of the endpoint. */
  endpointOptions(codec: Codec): Pick<EndpointOptions, "serializers" | "refuses"> {
    if (this.registry === undefined) return {};
    return {
      serializers: this.registry.signatures,
      refuses: (peer, payload) => this.refuses(peer, codec, payload),
    };
  }

  /** The serializers that a peer has. Undefined if there are none here, or it is not known yet. */
  towards(peer: Peer | undefined): PeerSerializers | undefined {
    return peer === undefined || this.registry === undefined ? undefined : this.#meet(peer);
  }

  /** Revives the values that a peer has sent. */
  reviverOf(peer: Peer): Reviver {
    if (this.registry !== undefined) return this.#meet(peer);
    return peer.role === "node" ? ofNodes : noSerializers;
  }

  /** Whether a message that has waited for the peer needs serializers that the peer does not have. */
  refuses(peer: Peer, codec: Codec, payload: Uint8Array): "notSerializable" | undefined {
    const { registry } = this;
    if (registry === undefined) return undefined;
    const table = this.#meet(peer);
    if (registry.signatures.every((_, number) => table.has(number))) return undefined;
    const scan = new SerializerScan();
    const { path, bodyStart } = decodeEnvelopeHeader(payload, 0, payload.length);
    codec.decode(payload, bodyStart, payload.length, scan);
    scan.numbers.delete(internalNumber);
    const missing = [...scan.numbers].filter((number) => !table.has(number));
    if (missing.length === 0) return undefined;
    const names = missing.map((number) => registry.signatures[number]).join(", ");
    this.logUnsent(
      peer,
      peer.address + path,
      `the message needs serializers that ${peer.address} does not have: ${names}`,
    );
    return "notSerializable";
  }

  /** Logs why a message for a peer could not be sent. */
  logUnsent(peer: Peer | undefined, target: string, reason: string, error?: unknown): void {
    const message = "a message could not be sent";
    const fields = { target, reason: error ?? reason };
    if (peer !== undefined) return this.#peerLog.add(peer, "warn", message, fields, reason);
    this.#log.add("warn", "remoting", message, fields, { cause: `${message} ${reason}` });
  }

  /** Logs why a serializer, or a limit of this end, has refused a message of a peer. */
  logRefused(peer: Peer, path: string, { code, message: reason }: WireError): void {
    const what = code === "undecodable"
      ? "a message was refused by a serializer"
      : "a message exceeds a limit of this end";
    this.#peerLog.add(peer, "warn", what, { path, reason });
  }

  #meet(peer: Peer): PeerSerializers {
    let known = this.#peers.get(peer);
    if (known === undefined) {
      known = this.registry!.towards(peer.address, peer.serializers ?? []);
      if (peer.role === "node") known = peerWithInternal(known);
      this.#peers.set(peer, known);
    }
    return known;
  }
}
