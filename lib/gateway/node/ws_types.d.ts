/**
 * The part of `ws` that is used here. Its published types need those of Node, which clash with those
 * of Deno.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

/** A socket: what it has of `WebSocket` besides is not named here. */
export interface ServerWebSocket extends WebSocket {
  on(event: "pong" | "close", listener: () => void): void;
  ping(): void;
  /** Ends the connection at once. */
  terminate(): void;
}

/** Makes WebSockets of requests of `node:http`. */
export class WebSocketServer {
  constructor(options: {
    readonly noServer: true;
    readonly clientTracking: false;
    /** Bytes of the longest message; a longer one closes its socket with the code 1009. */
    readonly maxPayload: number;
    /** Chooses one of the subprotocols that were offered; `false`: none. */
    readonly handleProtocols: (offered: Set<string>, incoming: IncomingMessage) => string | false;
  });
  /** Answers a malformed request itself, and then does not call `done`. */
  handleUpgrade(
    incoming: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
    done: (socket: ServerWebSocket) => void,
  ): void;
}
