import { connect, type TLSSocket } from "node:tls";
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
    // Each may fail while nobody waits for it.
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

/** What OpenSSL and BoringSSL, and with them `node:tls`, call a certificate they do not accept. */
const untrusted =
  /^(UNABLE_TO_|CERT_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_(CA|PURPOSE)$|PATH_LENGTH_|ERR_TLS_CERT_)/;
/** The server hung up, or sent an alert first. */
const refused = /^(ECONNRESET|ECONNABORTED|EPIPE)$|_ALERT_/;

/** `node:tls`. */
export const nodeTls: TlsPort = {
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
  failureOf(error) {
    const code = String((error as { code?: unknown } | null)?.code);
    if (untrusted.test(code)) return "untrustedServer";
    return refused.test(code) ? "refused" : undefined;
  },
};
