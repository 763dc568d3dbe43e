import { CastyError } from "../runtime/casty_error.ts";

/** Bounds of connections. Times are milliseconds, sizes are bytes. */
export interface TransportLimits {
  /** For TCP, TLS and hello each, before a connection is cut. Default 5 000. */
  readonly handshakeTimeout: number;
  /** TLS handshakes that may be unfinished at once. Default 64. */
  readonly maxPendingHandshakes: number;
  /** Connections at once, accepted ones. Default 10 000. */
  readonly maxConnections: number;
  /** Largest frame; the smaller of both ends' counts. Default 1 MiB. */
  readonly maxFrame: number;
  /** Bytes sent and not yet acknowledged before a connection waits. Default 4 MiB. */
  readonly window: number;
  /** Messages that wait for one connection. Default 100 000. */
  readonly maxQueuedMessages: number;
  /** Bytes that wait for one connection. Default 32 MiB. */
  readonly maxQueuedBytes: number;
  /** Silence after which a connection is probed. Default 15 000. */
  readonly keepAliveInterval: number;
  /** Silence after which a connection is given up. Default 40 000. */
  readonly idleTimeout: number;
  /** Shortest pause before a peer is dialled again. Default 500. */
  readonly minBackoff: number;
  /** Longest pause before a peer is dialled again. Default 30 000. */
  readonly maxBackoff: number;
  /** For what is queued to be sent when a connection is closed. Default 2 000. */
  readonly closeTimeout: number;
}

/** The defaults of {@linkcode TransportLimits}. */
export const defaultTransportLimits: TransportLimits = {
  handshakeTimeout: 5_000,
  maxPendingHandshakes: 64,
  maxConnections: 10_000,
  maxFrame: 1_048_576,
  window: 4_194_304,
  maxQueuedMessages: 100_000,
  maxQueuedBytes: 33_554_432,
  keepAliveInterval: 15_000,
  idleTimeout: 40_000,
  minBackoff: 500,
  maxBackoff: 30_000,
  closeTimeout: 2_000,
};

/**
 * The limits with their defaults.
 *
 * @throws {CastyError} code `badOption`.
 */
export function transportLimits(given: Partial<TransportLimits> = {}): TransportLimits {
  const limits = { ...defaultTransportLimits, ...given };
  for (const [name, value] of Object.entries(limits)) {
    if (Number.isFinite(value) && value >= 1) continue;
    throw new CastyError("badOption", `transport.${name}: ${value} is not allowed`, {
      value,
      remedy: "use a number of at least 1",
    });
  }
  return limits;
}
