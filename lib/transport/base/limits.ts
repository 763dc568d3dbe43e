import { checkOptions, withDefaults } from "../../options/check_options.ts";
import { transportDefaults, transportTable } from "../../options/tables/transport_tables.ts";
import { longestString } from "../../options/tables/wire_tables.ts";

/** Bounds of connections and messages. Times are milliseconds, sizes are bytes. */
export interface TransportLimits {
  /** For TCP, TLS and hello together, before a connection is closed. Default 5 000. */
  readonly handshakeTimeout: number;
  /** Accepted connections whose TLS or hello may be unfinished at once. Default 64. */
  readonly maxPendingHandshakes: number;
  /** Connections at once, accepted ones. Default 10 000. */
  readonly maxConnections: number;
  /** Connections at once from one IP address (IPv6: one /64), accepted ones. Default 1 000. */
  readonly maxConnectionsPerAddress: number;
  /**
   * Connections a second from one IP address (IPv6: one /64). As many may be opened at once after a
   * second of rest. Default 100.
   */
  readonly maxConnectionRate: number;
  /** Connections at once with one certificate, accepted ones. Default 1 000. */
  readonly maxConnectionsPerIdentity: number;
  /**
   * Addresses that are tracked, for each lane separately; idle ones are forgotten. Default 10 000.
   */
  readonly maxAddresses: number;
  /** Largest frame; the smaller of both ends' counts. Default 1 MiB. */
  readonly maxFrame: number;
  /** Largest message, in several frames if need be; the smaller of both ends' counts. Default 16 MiB. */
  readonly maxMessage: number;
  /**
   * Deepest nesting of arrays, objects, Maps, Sets and errors in a message. Default 128. As with all
   * limits of the content of messages, a sender refuses what exceeds its own, as a dead letter, and an
   * ask fails at once; a receiver with a lower limit refuses the message too, and tells an asker.
   */
  readonly maxDepth: number;
  /** Most values in one message, counting each element, key and container. Default 4 194 304. */
  readonly maxValues: number;
  /** Longest array. Default 1 048 576. */
  readonly maxArray: number;
  /** Most entries of an object, Map or Set. Default 131 072. */
  readonly maxMap: number;
  /** Longest string or key, in UTF-8. Default `maxMessage`, at most 256 MiB. */
  readonly maxString: number;
  /** Longest typed array, `ArrayBuffer` or bigint. Default `maxMessage`. */
  readonly maxBinary: number;
  /**
   * `"copy"`: each typed array of a received message has memory of its own. `"view"`: those of at
   * least 4,096 bytes in messages above 65,536 bytes may show the memory of the whole message instead,
   * with a `byteOffset`, where alignment permits. That saves time, but the whole message stays in
   * memory while one of them is in use, and transferring the `buffer` of one detaches the others. No
   * buffer of a connection is shared. Default `"copy"`.
   */
  readonly binaries: "copy" | "view";
  /**
   * Bytes of unfinished messages, of all connections together; above that the connection with the
   * oldest one ends. Default 16 times `maxMessage`.
   */
  readonly maxPartialBytes: number;
  /**
   * Messages above this size and of at most 256 KiB are compressed, if the other end can read that.
   * 0: none. Default 0, because deflating costs more time than a local network: worth it for texts
   * over slow links.
   */
  readonly compressAbove: number;
  /** How many times its compressed size a message may have. Default 100. */
  readonly maxCompressionRatio: number;
  /**
   * Whether compressed messages are read. If not, none are sent either. Default true.
   */
  readonly acceptCompressed: boolean;
  /**
   * Values that are decoded a second for one client, by its certificate; for a node 8 times as
   * many. A peer that sends more is read more slowly, and so is a client whose values take more than
   * half of the event loop's time. Bytes of long texts and bigints count as well. A single message must
   * take less than the peer's `writeTimeout`. Default 4 000 000.
   */
  readonly maxValueRate: number;
  /**
   * Bytes that are inflated a second for one client, by its certificate; for a node 8 times as
   * many. A peer that sends more is read more slowly. Default 33 554 432.
   */
  readonly maxInflateRate: number;
  /** Actor paths that one connection replaces by numbers, each direction for itself. Default 256. */
  readonly maxInternedPaths: number;
  /** Bytes sent and not yet acknowledged before a connection waits. Default 4 MiB. */
  readonly window: number;
  /** Messages that wait for one connection. Default 100 000. */
  readonly maxQueuedMessages: number;
  /** Bytes that wait for one connection. Default 32 MiB. */
  readonly maxQueuedBytes: number;
  /**
   * Bytes that wait for all clients with one certificate together, or that they have not
   * acknowledged. Default 32 MiB.
   */
  readonly maxQueuedBytesPerIdentity: number;
  /** Asks of this system that wait for replies of clients with one certificate. Default 10 000. */
  readonly maxAsksPerIdentity: number;
  /** Actors here that all clients with one certificate watch together. Default 10 000. */
  readonly maxWatchesPerIdentity: number;
  /** Actors here that one peer watches, and that this system watches at one peer. Default 100 000. */
  readonly maxWatchesPerPeer: number;
  /** Locations of shards for which clients with one certificate wait at a node. Default 10 000. */
  readonly maxLocatesPerIdentity: number;
  /** Clients with one certificate that get the shard table of one type from a node. Default 1 000. */
  readonly maxSubscriptionsPerIdentity: number;
  /** Clients with one certificate that reach a node through other nodes. Default 1 000. */
  readonly maxRoutesPerIdentity: number;
  /** Topics that this node or client may have open. Default 10 000. */
  readonly maxTopics: number;
  /**
   * Topics that clients with one certificate are subscribed to at a node, each counted for each client.
   * Further ones are refused. Default 1 000.
   */
  readonly maxTopicsPerIdentity: number;
  /**
   * Messages that clients with one certificate may publish to topics at a node, a second; as many may
   * come at once after a second of rest. Further ones are dead letters (`bufferFull`). Default 1 000.
   */
  readonly maxPublishRatePerIdentity: number;
  /**
   * Estimated size of the messages that all topics retain at a node; one topic retains at most an
   * eighth of it. The oldest are forgotten. Default 64 MiB.
   */
  readonly maxRetainedBytes: number;
  /**
   * Estimated size of the retained messages that clients with one certificate have published. The
   * oldest of the topic are forgotten. Default 4 MiB.
   */
  readonly maxRetainedBytesPerIdentity: number;
  /** Lines a minute that one certificate causes in a log, each for another cause. Default 10. */
  readonly maxLogLinesPerIdentity: number;
  /** After which a peer that takes or acknowledges no bytes is disconnected. Default 20 000. */
  readonly writeTimeout: number;
  /** Silence after which a connection is probed. Default 15 000. */
  readonly keepAliveInterval: number;
  /** Silence after which a connection is closed. Default 40 000. */
  readonly idleTimeout: number;
  /** Shortest pause before a peer is dialled again. Default 500. */
  readonly minBackoff: number;
  /** Longest pause before a peer is dialled again. Default 30 000. */
  readonly maxBackoff: number;
  /**
   * Milliseconds that a connection lives on after a certificate of its ends has expired. Default 0.
   */
  readonly graceAfterExpiry: number;
  /** For the queue to be sent and acknowledged when a connection is closed. Default 2 000. */
  readonly closeTimeout: number;
}

/** The defaults of {@linkcode TransportLimits}. */
export const defaultTransportLimits: TransportLimits = withDerived(transportDefaults);

/**
 * The limits with their defaults.
 *
 * @throws {OptionError}
 */
export function transportLimits(given: Partial<TransportLimits> = {}): TransportLimits {
  checkOptions(transportTable, given, "transport");
  return withDerived(withDefaults(transportDefaults, given));
}

/** Adds the defaults that follow from another limit. */
function withDerived(
  limits: typeof transportDefaults & Partial<TransportLimits>,
): TransportLimits {
  const { maxMessage } = limits;
  return {
    ...limits,
    maxPartialBytes: limits.maxPartialBytes ?? 16 * maxMessage,
    maxString: limits.maxString ?? Math.min(maxMessage, longestString),
    maxBinary: limits.maxBinary ?? maxMessage,
  };
}
