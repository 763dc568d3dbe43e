import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { CertifiedIdentity, TlsMaterial } from "../../runtime/network.ts";
import { certTool } from "../../runtime/cert_tool.ts";
import { platform } from "../../runtime/platform.ts";
import { pauseReading, resumeReading } from "./node_socket.ts";
import type { CertificateRefusedError } from "./certificate_refused.ts";
import { explainUnproved } from "./peer_identity.ts";
import { explainAlert, isOldVersion } from "./tls_alert.ts";
import { closeRefused, refusalFrame } from "./tls_refusal.ts";
import { TlsLink } from "./tls_link.ts";
import {
  peerChain,
  prepareMaterial,
  shownChain,
  validUntilOf,
  verifyPeer,
} from "./tls_material.ts";
import type { TlsServers } from "./tls_servers.ts";

/** What a server handshake needs. Exactly one of the two callbacks is called, once. */
export interface ServerHandshakeOptions {
  /** Its contents may change; a handshake uses those of its start. */
  readonly tls: TlsMaterial;
  /** The `node:tls` servers that run the handshake. */
  readonly servers: TlsServers;
  /** Milliseconds for TLS handshake and verification together. */
  readonly timeout: number;
  /** Whether a rejected peer is sent the reason. */
  readonly sendsReason: boolean;
  /** Whether there is time to say why a foreign peer is rejected; counts. */
  readonly mayExplain: () => boolean;
  readonly onLink: (link: TlsLink) => void;
  readonly onRefused: (remote: string, reason: string) => void;
}

/**
 * The server's side of one handshake, from the accepted socket to a verified link or a refusal.
 *
 * `Deno.listenTls` would be the natural choice and is not used: it cannot ask for a client
 * certificate, and it ignores `requestCert` and `caCerts` silently, so that it accepts every peer
 * (denoland/deno#26825). `node:tls` verifies clients on Deno since denoland/deno#33439.
 */
export class TlsServerHandshake {
  readonly #remote: string;
  readonly #under: Socket;
  readonly #clock: Clock;
  readonly #options: ServerHandshakeOptions;
  #deadline: Timer | undefined;
  #socket: TLSSocket | undefined;
  #settled = false;
  /** What is against the peer's certificate, as far as that was known before the TLS layer judged it. */
  #foreseen: CertificateRefusedError | undefined;

  constructor(under: Socket, remote: string, clock: Clock, options: ServerHandshakeOptions) {
    this.#remote = remote;
    this.#clock = clock;
    this.#options = options;
    this.#under = under;
  }

  /** Starts the handshake. A refusal may be reported before this returns. */
  start(): void {
    this.#under.on("error", (cause) => this.#refuse(`the connection broke: ${cause.message}`));
    // The event `handshakeTimeout` of node:tls leaves the socket open; this timer destroys it, and
    // it counts the verification of the certificate as well.
    this.#deadline = this.#clock.schedule(this.#options.timeout, () => this.#onDeadline());
    // The TLS layer costs far more than the socket: a silent peer must not cause that. What has
    // arrived stays in the buffer of the socket, which the TLS layer reads first.
    this.#under.once("readable", () => this.#takeOver());
  }

  #takeOver(): void {
    if (this.#settled) return;
    try {
      this.#startHandshake();
    } catch (error) {
      this.#refuse(`this end cannot start the TLS handshake: ${reasonOf(error)}`);
    }
  }

  /** Cuts the connection if it is not yet a link. */
  cancel(reason: string): void {
    this.#refuse(reason);
  }

  #startHandshake(): void {
    const server = this.#options.servers.take(prepareMaterial(this.#options.tls), {
      secured: (socket) => this.#verify(socket),
      failed: (error, socket) => {
        socket.on("error", () => {});
        this.#socket = socket;
        this.#refuse(this.#explain(error, socket));
      },
      serverFailed: (error) => this.#refuse(`the TLS handshake failed: ${error.message}`),
    });
    platform.tls.accept(server, this.#under, (socket) => this.#foresee(socket));
    // It must flow to be paused later.
    resumeReading(this.#under);
  }

  /**
   * The peer has shown its certificate, and the TLS layer is about to judge it. When that rejects it,
   * nobody is told why, and the connection is cut: so what can be said against it at once is said
   * first. What is written here leaves before the cut, if the system takes it. Nothing is accepted
   * here.
   */
  #foresee(socket: TLSSocket): void {
    if (this.#settled || !this.#options.mayExplain()) return;
    const { tls, sendsReason } = this.#options;
    try {
      const { authorities, mapper } = prepareMaterial(tls);
      const chain = shownChain(socket);
      const refusal = explainUnproved(chain, authorities, this.#clock.wallTime(), mapper);
      if (refusal === undefined) return;
      this.#foreseen = refusal;
      if (sendsReason) socket.write(refusalFrame(refusal));
    } catch {
      // The connection has ended, or the TLS layer has its say.
    }
  }

  #verify(socket: TLSSocket): void {
    socket.on("error", (error) => this.#refuse(`the connection broke: ${error.message}`));
    this.#socket = socket;
    // No byte of the peer is read before its certificate is verified.
    pauseReading(this.#under);
    if (this.#settled) return;
    const { tls, sendsReason } = this.#options;
    const now = this.#clock.wallTime();
    try {
      if (this.#foreseen !== undefined) throw this.#foreseen;
      this.#admit(socket, verifyPeer(tls, peerChain(tls, socket, now), now));
    } catch (error) {
      if (sendsReason) void this.#reject(socket, error);
      else this.#refuse(reasonOf(error));
    }
  }

  /** The TLS layer has accepted the peer: it is sent the reason, and is pending until then. */
  async #reject(socket: TLSSocket, error: unknown): Promise<void> {
    const link = new TlsLink(socket, this.#under, this.#remote, { kind: "plain" }, this.#clock);
    await closeRefused(link, error === this.#foreseen ? undefined : refusalFrame(error));
    this.#refuse(reasonOf(error));
  }

  #admit(socket: TLSSocket, identity: CertifiedIdentity): void {
    if (!this.#settle()) return;
    const until = validUntilOf(this.#options.tls, identity);
    const link = new TlsLink(socket, this.#under, this.#remote, identity, this.#clock, until);
    this.#options.onLink(link);
  }

  #refuse(reason: string): void {
    if (!this.#settle()) return;
    this.#socket?.destroy();
    this.#under.destroy();
    this.#options.onRefused(this.#remote, reason);
  }

  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#deadline?.cancel();
    return true;
  }

  #onDeadline(): void {
    const within = `within handshakeTimeout (${this.#options.timeout} ms)`;
    this.#refuse(
      this.#under.bytesRead === 0
        ? `it sent nothing ${within}`
        : `it did not finish the TLS handshake ${within}`,
    );
  }

  /** The runtime reports little about a failed handshake; this says no more than is known. */
  #explain(error: Error, socket: TLSSocket): string {
    if (this.#foreseen !== undefined) return this.#foreseen.message;
    const code = (error as { code?: unknown }).code;
    if (code === "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE") {
      return "it showed no certificate (nodes that have rejected ours dial so once a minute, to see why)";
    }
    if (code === "ERR_SSL_WRONG_VERSION_NUMBER") return "it does not speak TLS";
    if (isOldVersion(error)) return "it does not speak TLS 1.3";
    const alert = /received fatal alert: (\w+)/.exec(error.message)?.[1] ??
      /^ERR_SSL_(?:SSLV3|TLSV\d+)_ALERT_(\w+)$/.exec(String(code))?.[1];
    if (alert !== undefined) return explainAlert(alert, prepareMaterial(this.#options.tls).own);
    if (socket.authorizationError) {
      const why = platform.tls.whyUntrusted(String(socket.authorizationError));
      return `its certificate is not acceptable: ${why ?? anyReason}`;
    }
    if (code === "ECONNRESET") {
      return "it closed the connection before the TLS handshake was complete";
    }
    return `the TLS handshake failed: ${error.message}`;
  }
}

/** Nothing was foreseen against it. */
const anyReason =
  "another authority, expired, not yet valid, not made for clients, or with a key, " +
  "signature or name constraint that TLS here does not accept (the runtime does not tell which; " +
  `${certTool} verify does)`;

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
