import type { Resolved } from "../../options/check_options.ts";
import type { gatewayTable } from "../../options/tables/gateway_tables.ts";
import type { UpgradeWebSocket } from "../../runtime/platform_port.ts";
import type { GatewayPrincipal } from "../api/gateway_api.ts";
import type { Authorize } from "./operations.ts";

/** Options of `gatewayHandler`. Times are milliseconds. */
export interface GatewayOptions {
  /**
   * Who makes a request; undefined: it is refused. The token is that of the header
   * `authorization: Bearer ...`, or what the option `token` of the client returns. A function that
   * throws refuses. `info` is what the server passes to its handler besides the request: with
   * `Deno.serve` a `Deno.ServeHandlerInfo`, which has the address of the peer.
   */
  readonly authenticate: (
    request: Request,
    token: string | undefined,
    info: unknown,
  ) => GatewayPrincipal | undefined | Promise<GatewayPrincipal | undefined>;
  /** What a principal may do; called after the input was validated. Default: all that the API offers. */
  readonly authorize?: Authorize;
  /** Where the gateway is, on the server. Default `"/gateway"`. */
  readonly path?: string;
  /**
   * Origins whose pages may use the gateway, besides its own; `"*"`: all. A program that is no browser
   * has none, and may. Default: that of the gateway itself.
   */
  readonly origins?: readonly string[];
  /** Sockets that are open at once. Default 12 000. */
  readonly maxSockets?: number;
  /** Sessions, with those that wait for their client. Default 20 000. */
  readonly maxSessions?: number;
  /** Principals that do something at once. Default 20 000. */
  readonly maxPrincipals?: number;
  /** Sockets of one principal. Default 16. */
  readonly maxSocketsPerPrincipal?: number;
  /** Sessions of one principal. Default 32. */
  readonly maxSessionsPerPrincipal?: number;
  /** Operations of one principal under way; further ones wait unread. Default 64. */
  readonly maxCallsPerPrincipal?: number;
  /** Messages of one principal that are read in a second; further ones wait. Default 200. */
  readonly messagesPerSecond?: number;
  /** The same in UTF-16 code units. Default 1 048 576. */
  readonly bytesPerSecond?: number;
  /** Longest message of a client, in UTF-16 code units. Default 65 536. */
  readonly maxMessageBytes?: number;
  /** Messages that each end of a session may send without an acknowledgement. Default 256. */
  readonly window?: number;
  /** The same in UTF-16 code units. Default 1 048 576. */
  readonly windowBytes?: number;
  /** UTF-16 code units that wait for all clients. Default 268 435 456. */
  readonly maxBufferedBytes?: number;
  /** Subscriptions of one session. Default 64. */
  readonly maxSubscriptions?: number;
  /** How long a session waits for its client to come back. Default 60 000. */
  readonly resumeFor?: number;
  /** A client that leaves a message unacknowledged for so long is disconnected. Default 15 000. */
  readonly slowAfter?: number;
  /** A socket without a hello for so long is closed. Default 10 000. */
  readonly helloTimeout?: number;
  /** Longest time that an operation waits for its entity. Default 30 000. */
  readonly maxTimeout?: number;
  /** Makes a WebSocket of a request. Default: the server does, on Deno or with `nodeListeners`. */
  readonly upgrade?: UpgradeWebSocket;
}

/** What a gateway has at the moment. */
export interface GatewayFacts {
  /** Open sockets. */
  readonly sockets: number;
  /** Sessions, with those that wait for their client. */
  readonly sessions: number;
  /** Principals that do something. */
  readonly principals: number;
  /** UTF-16 code units that wait for clients. */
  readonly bufferedBytes: number;
}

/** With its defaults. */
export type ResolvedGatewayOptions = Resolved<typeof gatewayTable.options, GatewayOptions>;
