import { createServer, type Server, type TLSSocket } from "node:tls";
import { platform } from "../../runtime/platform.ts";
import type { PreparedMaterial } from "./tls_material.ts";

/** The outcome of one handshake. One of the three is called, at most once. */
export interface HandshakeEvents {
  readonly secured: (socket: TLSSocket) => void;
  readonly failed: (error: Error, socket: TLSSocket) => void;
  readonly serverFailed: (error: Error) => void;
}

/** Idle servers kept for reuse. A burst of connections makes more, which are dropped after use. */
const maxIdle = 16;

/**
 * The `tls.Server`s that perform handshakes for one listener. Each has one handshake at a time,
 * because a failure event of a shared server does not identify the stream. A server whose handshake
 * succeeded is reused: a new one parses the private key, which takes 0.2 ms. A resumed session
 * counts as no certificate (`TlsPort.peerChain`), so that every connection proves its certificate
 * anew.
 */
export class TlsServers {
  readonly #handshakeTimeout: number;
  #material: PreparedMaterial | undefined;
  #idle: OneHandshake[] = [];

  /** `handshakeTimeout` in milliseconds. */
  constructor(handshakeTimeout: number) {
    this.#handshakeTimeout = handshakeTimeout;
  }

  /**
   * A server for one handshake with this material. The caller emits its event `connection` with the
   * stream.
   */
  take(material: PreparedMaterial, events: HandshakeEvents): Server {
    // Discard servers with outdated certificates.
    if (material !== this.#material) this.#idle = [];
    this.#material = material;
    const one = this.#idle.pop() ?? this.#make(material);
    one.events = events;
    return one.server;
  }

  #make(material: PreparedMaterial): OneHandshake {
    const server = createServer({
      ...material.secure,
      requestCert: true,
      handshakeTimeout: this.#handshakeTimeout,
    });
    platform.tls.prepareServer(server);
    const one: OneHandshake = { server, events: undefined };
    server.on("secureConnection", (socket) => {
      const { events } = one;
      one.events = undefined;
      if (material === this.#material && this.#idle.length < maxIdle) this.#idle.push(one);
      events?.secured(socket);
    });
    // After a failure the server is not reused.
    server.on("tlsClientError", (error, socket) => one.events?.failed(error, socket));
    server.on("error", (error) => one.events?.serverFailed(error));
    return one;
  }
}

interface OneHandshake {
  readonly server: Server;
  /** Undefined: no handshake is under way. */
  events: HandshakeEvents | undefined;
}
