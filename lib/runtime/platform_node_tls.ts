import { connect, type Server, type TLSSocket } from "node:tls";
import type { SocketConn } from "./platform_node_tcp.ts";
import type { TlsPort, TlsProbe } from "./platform_port.ts";

class SocketProbe implements TlsProbe {
  readonly #socket: TLSSocket;
  readonly #secured: Promise<void>;
  readonly #ended: Promise<null>;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    const { promise: secured, resolve: onSecured, reject: onFailed } = Promise.withResolvers<
      void
    >();
    const { promise: ended, resolve: onEnd, reject: onError } = Promise.withResolvers<null>();
    socket.on("secureConnect", onSecured);
    socket.on("error", (error) => {
      onFailed(error);
      onError(error);
    });
    socket.on("close", () => {
      onFailed(new Error("the connection was closed during the TLS handshake"));
      onEnd(null);
    });
    // Each may reject while no caller awaits it.
    secured.catch(() => {});
    ended.catch(() => {});
    this.#secured = secured;
    this.#ended = ended;
  }

  handshake(): Promise<void> {
    return this.#secured;
  }

  read(): Promise<number | null> {
    const answered = new Promise<number>((resolve) => {
      this.#socket.once("data", (chunk) => resolve(chunk.length));
    });
    return Promise.race([answered, this.#ended]);
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Error codes of OpenSSL and BoringSSL, and so of `node:tls`, for rejected certificates. */
const untrusted =
  /^(UNABLE_TO_|CERT_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_(CA|PURPOSE)$|PATH_LENGTH_|ERR_TLS_CERT_)/;
/** The server closed the connection, or sent an alert first. */
const refused = /^(ECONNRESET|ECONNABORTED|EPIPE)$|_ALERT_/;

/** Chains that peers have sent: Node returns them only once. */
const kept = new WeakMap<TLSSocket, Uint8Array[]>();

/**
 * Keeps the chain of each client before Node drops it: a `tls.Server` of 24.21 and 26.8 takes the
 * intermediates out of OpenSSL's list before it says `secureConnection` (nodejs/node#65579). The
 * event `keylog` is the first one that carries the socket; its secrets are not read.
 */
export function keepPeerChains(server: Server): void {
  server.on("keylog", (_line, socket: TLSSocket) => {
    if (kept.has(socket)) return;
    kept.set(socket, []);
    socket.prependOnceListener("secure", () => keepChain(socket));
  });
}

/** Once: Node takes them out of its list. */
function keepChain(socket: TLSSocket): void {
  if (!kept.get(socket)?.length) kept.set(socket, sentChain(socket));
}

/** In the order in which the peer sent them. */
function sentChain(socket: TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = [];
  let next = socket.getPeerX509Certificate();
  // More than any valid chain: the caller's limit is far lower.
  while (next !== undefined && chain.length < 100) {
    chain.push(new Uint8Array(next.raw));
    next = next.issuerCertificate;
  }
  return chain;
}

/** `node:tls`. */
export const nodeTls: TlsPort = {
  prepareServer: keepPeerChains,
  accept(server, under, onDone) {
    // After the listener of `keepPeerChains`, and each server has one handshake at a time.
    server.once("keylog", (_line, socket: TLSSocket) => {
      socket.prependOnceListener("secure", () => {
        keepChain(socket);
        onDone(socket);
      });
    });
    server.emit("connection", under);
  },
  peerChain(socket, limit) {
    if (socket.isSessionReused()) return [];
    const chain = kept.get(socket) ?? sentChain(socket);
    kept.set(socket, chain);
    return chain.slice(0, limit + 1);
  },
  startWithoutCertificate(conn, ca) {
    const socket = connect({
      socket: (conn as SocketConn).release(),
      ca,
      rejectUnauthorized: true,
      // A host name that does not match would look like a refusal.
      checkServerIdentity: () => undefined,
    });
    return Promise.resolve(new SocketProbe(socket));
  },
  whyUntrusted(code) {
    if (code === "CERT_HAS_EXPIRED") return "it, or an authority above it, has expired";
    if (code === "CERT_NOT_YET_VALID") return "it, or an authority above it, is not yet valid";
    if (code === "INVALID_PURPOSE") return "it is not made for this end of a connection";
    return /^(UNABLE_TO_|SELF_SIGNED_CERT_IN_CHAIN)/.test(code)
      ? "it comes from another authority (it does not chain to any in caFile)"
      : undefined;
  },
  failureOf(error) {
    const code = String((error as { code?: unknown } | null)?.code);
    if (untrusted.test(code)) return "untrustedServer";
    return refused.test(code) ? "refused" : undefined;
  },
};
