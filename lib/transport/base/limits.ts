import { CastyError } from "../../runtime/casty_error.ts";

/** Bounds of connections. Times are milliseconds, sizes are bytes. */
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
  /** Addresses that are kept track of, each lane for itself; idle ones are forgotten. Default 10 000. */
  readonly maxAddresses: number;
  /** Largest frame; the smaller of both ends' counts. Default 1 MiB. */
  readonly maxFrame: number;
  /** Largest message, in several frames if need be; the smaller of both ends' counts. Default 16 MiB. */
  readonly maxMessage: number;
  /**
   * Bytes of unfinished messages, of all connections together; above that the connection with the
   * oldest one ends. Default 16 times `maxMessage`.
   */
  readonly maxPartialBytes: number;
  /**
   * Messages above this size are compressed, if the other end can read that. 0: none, which is the
   * default, because deflating costs more time than a local network: worth it for texts over
   * slow links.
   */
  readonly compressAbove: number;
  /** How many times its compressed size a message may have. Default 100. */
  readonly maxCompressionRatio: number;
  /** Actor paths that one connection replaces by numbers, each direction for itself. Default 256. */
  readonly maxInternedPaths: number;
  /** Bytes sent and not yet acknowledged before a connection waits. Default 4 MiB. */
  readonly window: number;
  /** Messages that wait for one connection. Default 100 000. */
  readonly maxQueuedMessages: number;
  /** Bytes that wait for one connection. Default 32 MiB. */
  readonly maxQueuedBytes: number;
  /** After which a peer that takes no bytes is disconnected. Default 20 000. */
  readonly writeTimeout: number;
  /** Silence after which a connection is probed. Default 15 000. */
  readonly keepAliveInterval: number;
  /** Silence after which a connection is closed. Default 40 000. */
  readonly idleTimeout: number;
  /** Shortest pause before a peer is dialled again. Default 500. */
  readonly minBackoff: number;
  /** Longest pause before a peer is dialled again. Default 30 000. */
  readonly maxBackoff: number;
  /** For the queue to be sent and acknowledged when a connection is closed. Default 2 000. */
  readonly closeTimeout: number;
}

/** The defaults of {@linkcode TransportLimits}. */
export const defaultTransportLimits: TransportLimits = {
  handshakeTimeout: 5_000,
  maxPendingHandshakes: 64,
  maxConnections: 10_000,
  maxConnectionsPerAddress: 1_000,
  maxConnectionRate: 100,
  maxAddresses: 10_000,
  maxFrame: 1_048_576,
  maxMessage: 16_777_216,
  maxPartialBytes: 268_435_456,
  compressAbove: 0,
  maxCompressionRatio: 100,
  maxInternedPaths: 256,
  window: 4_194_304,
  maxQueuedMessages: 100_000,
  maxQueuedBytes: 33_554_432,
  writeTimeout: 20_000,
  keepAliveInterval: 15_000,
  idleTimeout: 40_000,
  minBackoff: 500,
  maxBackoff: 30_000,
  closeTimeout: 2_000,
};

/** Above this a length field or the memory of one process would not hold it. */
const ceilings: Partial<Record<keyof TransportLimits, number>> = {
  maxFrame: 1_073_741_824,
  maxMessage: 1_073_741_824,
  maxInternedPaths: 65_536,
};

/** The limits that may be 0, which switches off what they bound. */
const mayBeZero: ReadonlySet<string> = new Set(["compressAbove"]);

/**
 * The limits with their defaults.
 *
 * @throws {CastyError} code `badOption`.
 */
export function transportLimits(given: Partial<TransportLimits> = {}): TransportLimits {
  const { maxMessage = defaultTransportLimits.maxMessage } = given;
  const maxPartialBytes = 16 * maxMessage;
  const limits = { ...defaultTransportLimits, maxPartialBytes, ...given };
  for (const [name, value] of Object.entries(limits)) {
    const least = mayBeZero.has(name) ? 0 : 1;
    const most = ceilings[name as keyof TransportLimits] ?? Number.MAX_SAFE_INTEGER;
    if (Number.isFinite(value) && value >= least && value <= most) continue;
    throw new CastyError("badOption", `transport.${name}: ${value} is not allowed`, {
      value,
      remedy: most < Number.MAX_SAFE_INTEGER
        ? `use a number from ${least} to ${most}`
        : `use a number of at least ${least}`,
    });
  }
  return limits;
}
