import type { Logger } from "../runtime/logger.ts";
import type { EndpointOptions } from "../transport/endpoint/endpoint_options.ts";
import type { Peer } from "../transport/base/peer.ts";
import type { Codec } from "../wire/codec.ts";
import { decodeEnvelopeHeader } from "../wire/envelope.ts";
import type { Serializer } from "../wire/serializer.ts";
import {
  noSerializers,
  type PeerSerializers,
  type Reviver,
  SerializerRegistry,
  SerializerScan,
} from "../wire/serializer_registry.ts";

/** Different reasons that are logged for one connection. */
const maxReasons = 20;

/** State of one connection. */
interface PeerState {
  readonly table: PeerSerializers;
  /** Why messages could not be sent. */
  readonly reasons: Set<string>;
}

/** The custom serializers of one system, and those of its peers. */
export class Serialization {
  /** The serializers of this end; undefined if it has none. */
  readonly registry: SerializerRegistry | undefined;
  readonly #logger: Logger;
  /** A peer is an object for each connection. */
  readonly #peers = new WeakMap<Peer, PeerState>();
  /** Messages of peers that could not be decoded, by connection. */
  readonly #undecodable = new WeakMap<Peer, number>();

  /**
   * @throws {OptionError}
   */
  constructor(serializers: readonly Serializer[] | undefined, logger: Logger) {
    this.#logger = logger;
    if (serializers === undefined || serializers.length === 0) return;
    this.registry = new SerializerRegistry(serializers);
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
    return peer === undefined || this.registry === undefined ? undefined : this.#meet(peer).table;
  }

  /** Revives the values that a peer has sent. */
  reviverOf(peer: Peer): Reviver {
    return this.registry === undefined ? noSerializers : this.#meet(peer).table;
  }

  /** Whether a message that has waited for the peer needs serializers that the peer does not have. */
  refuses(peer: Peer, codec: Codec, payload: Uint8Array): "notSerializable" | undefined {
    const { registry } = this;
    if (registry === undefined) return undefined;
    const { table } = this.#meet(peer);
    if (registry.signatures.every((_, number) => table.has(number))) return undefined;
    const scan = new SerializerScan();
    const { path, bodyStart } = decodeEnvelopeHeader(payload, 0, payload.length);
    codec.decode(payload, bodyStart, payload.length, scan);
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

  /** Logs why a message for a peer could not be sent, once for each reason and connection. */
  logUnsent(peer: Peer | undefined, target: string, reason: string, error?: unknown): void {
    if (peer !== undefined && this.registry !== undefined) {
      const { reasons } = this.#meet(peer);
      if (reasons.has(reason) || reasons.size >= maxReasons) return;
      reasons.add(reason);
    }
    this.#logger.log("warn", "remoting", "a message could not be sent", {
      target,
      reason: error ?? reason,
    });
  }

  /** A message of the peer could not be decoded by a serializer; the first is logged. */
  countUndecodable(peer: Peer, path: string, reason: string): void {
    const count = (this.#undecodable.get(peer) ?? 0) + 1;
    this.#undecodable.set(peer, count);
    if (count > 1) return;
    this.#logger.log("warn", "remoting", "a message was refused by a serializer", {
      from: peer.address,
      path,
      reason,
    });
  }

  /** The connection has closed: logs how many messages were refused besides the first. */
  forget(peer: Peer): void {
    const count = this.#undecodable.get(peer) ?? 0;
    this.#undecodable.delete(peer);
    if (count < 2) return;
    this.#logger.log("warn", "remoting", "serializers refused more messages of a peer", {
      from: peer.address,
      count: count - 1,
    });
  }

  #meet(peer: Peer): PeerState {
    let known = this.#peers.get(peer);
    if (known === undefined) {
      const table = this.registry!.towards(peer.address, peer.serializers ?? []);
      known = { table, reasons: new Set() };
      this.#peers.set(peer, known);
    }
    return known;
  }
}
