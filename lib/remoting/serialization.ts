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

/** Different complaints about one connection that are logged. */
const maxComplaints = 20;

/** What is remembered of one connection. */
interface Acquaintance {
  readonly table: PeerSerializers;
  readonly complaints: Set<string>;
}

/** The custom serializers of one system, and what is known of those of its peers. */
export class Serialization {
  /** Those of this end; undefined: it has none. */
  readonly registry: SerializerRegistry | undefined;
  readonly #logger: Logger;
  /** A peer is an object for each connection. */
  readonly #peers = new WeakMap<Peer, Acquaintance>();
  /** Messages of peers that could not be decoded, by connection. */
  readonly #undecodable = new WeakMap<Peer, number>();

  /**
   * Knows no peer yet.
   *
   * @throws {CastyError} code `badOption`.
   */
  constructor(serializers: readonly Serializer[] | undefined, logger: Logger) {
    this.#logger = logger;
    if (serializers === undefined || serializers.length === 0) return;
    this.registry = new SerializerRegistry(serializers);
  }

  /** What an endpoint is told, if there are any. */
  endpointOptions(codec: Codec): Pick<EndpointOptions, "serializers" | "refuses"> {
    if (this.registry === undefined) return {};
    return {
      serializers: this.registry.signatures,
      refuses: (peer, payload) => this.refuses(peer, codec, payload),
    };
  }

  /** What a peer can read. Undefined: no matter, or not known yet. */
  towards(peer: Peer | undefined): PeerSerializers | undefined {
    return peer === undefined || this.registry === undefined ? undefined : this.#meet(peer).table;
  }

  /** Makes values of what a peer has sent. */
  reviverOf(peer: Peer): Reviver {
    return this.registry === undefined ? noSerializers : this.#meet(peer).table;
  }

  /** Whether a message of this end that has waited for the peer takes what the peer lacks. */
  refuses(peer: Peer, codec: Codec, payload: Uint8Array): "notSerializable" | undefined {
    const { registry } = this;
    if (registry === undefined) return undefined;
    const { table } = this.#meet(peer);
    if (registry.signatures.every((_, number) => table.has(number))) return undefined;
    const scan = new SerializerScan();
    const { path, bodyStart } = decodeEnvelopeHeader(payload, 0, payload.length);
    codec.decode(payload, bodyStart, payload.length, scan);
    const lacking = [...scan.numbers].filter((number) => !table.has(number));
    if (lacking.length === 0) return undefined;
    const names = lacking.map((number) => registry.signatures[number]).join(", ");
    this.complain(
      peer,
      peer.address + path,
      `the message takes serializers that ${peer.address} does not have: ${names}`,
    );
    return "notSerializable";
  }

  /** Logs why a message for a peer could not be sent, once for each reason and connection. */
  complain(peer: Peer | undefined, target: string, reason: string, error?: unknown): void {
    if (peer !== undefined && this.registry !== undefined) {
      const { complaints } = this.#meet(peer);
      if (complaints.has(reason) || complaints.size >= maxComplaints) return;
      complaints.add(reason);
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

  /** The connection is over: tells how many messages were refused besides the one in the log. */
  forget(peer: Peer): void {
    const count = this.#undecodable.get(peer) ?? 0;
    this.#undecodable.delete(peer);
    if (count < 2) return;
    this.#logger.log("warn", "remoting", "serializers have refused more messages of a peer", {
      from: peer.address,
      count: count - 1,
    });
  }

  #meet(peer: Peer): Acquaintance {
    let known = this.#peers.get(peer);
    if (known === undefined) {
      const table = this.registry!.towards(peer.address, peer.serializers ?? []);
      known = { table, complaints: new Set() };
      this.#peers.set(peer, known);
    }
    return known;
  }
}
