import type { Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { formatAddress } from "../../runtime/address.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { DialOptions, NodeIdentity, TlsMaterial } from "../../runtime/network.ts";
import { platform } from "../../runtime/platform.ts";
import { certTool } from "../../runtime/cert_tool.ts";
import { isoTime, readCertificate } from "../../x509/certificate.ts";
import { coversHost, listHosts } from "../../x509/host_names.ts";
import { CertificateRefusedError } from "./certificate_refused.ts";
import { TransportError } from "../base/errors.ts";
import { connectSocket, pauseReading, remoteOf, resumeReading } from "./node_socket.ts";
import { dialGivenUp, dialTimedOut } from "../base/socket_errors.ts";
import { TlsLink } from "./tls_link.ts";
import type { PeerLooks } from "./peer_looks.ts";
import { isOldVersion } from "./tls_alert.ts";
import { closeRefused, refusalFrame } from "./tls_refusal.ts";
import {
  peerChain,
  type PreparedMaterial,
  prepareMaterial,
  validUntilOf,
  verifyPeer,
} from "./tls_material.ts";

/** What OpenSSL, and with it node:tls, calls a certificate that it does not accept. */
const untrustedCodes: ReadonlySet<string> = new Set([
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "CERT_SIGNATURE_FAILURE",
  "CERT_UNTRUSTED",
  "INVALID_CA",
  "INVALID_PURPOSE",
  "PATH_LENGTH_EXCEEDED",
]);

/**
 * Connects, performs the handshake and verifies the peer: it must be a node, of our authority, and
 * its certificate must cover `serverName`.
 *
 * `Deno.connectTls` would be the natural choice and is not used: it keeps Nagle's delay on (44 ms
 * for a write-write-read), trusts the public root store besides our authority, shows no peer
 * certificate, and cannot check a logical name through a tunnel.
 *
 * With TLS 1.3 a link may still turn out to be refused: the server looks at our certificate after
 * our side of the handshake is complete, and just closes. Only an answer of the peer proves more.
 */
export async function dialTls(
  clock: Clock,
  options: DialOptions & { readonly tls: TlsMaterial },
  looks: PeerLooks,
): Promise<TlsLink> {
  const material = prepareMaterial(options.tls);
  checkOwnDates(material, clock.wallTime());
  const started = clock.now();
  const { host, port, signal } = options;
  const under = await connectSocket(clock, host, port, options.timeout, signal);
  const remote = remoteOf(under);
  const remaining = Math.max(0, options.timeout - (clock.now() - started));
  const { promise: failed, reject: fail } = Promise.withResolvers<never>();
  const deadline = clock.schedule(remaining, () => {
    fail(dialTimedOut(options.host, options.port, options.timeout, "the TLS handshake"));
  });
  const giveUp = () => fail(dialGivenUp(host, port));
  signal?.addEventListener("abort", giveUp);
  let socket: TLSSocket | undefined;
  try {
    if (signal?.aborted) giveUp();
    socket = startTls(under, material, options, fail);
    await Promise.race([secured(socket), failed]);
    // No byte of the peer is read before its certificate is verified.
    pauseReading(under);
    let identity: NodeIdentity;
    try {
      const now = clock.wallTime();
      identity = verifyNode(options, peerChain(options.tls, socket, now), now);
    } catch (error) {
      const link = new TlsLink(socket, under, remote, { kind: "plain" }, clock);
      await Promise.race([closeRefused(link, refusalFrame(error)), failed]).catch(() => {});
      throw error;
    }
    const validUntil = validUntilOf(options.tls, identity);
    return new TlsLink(socket, under, remote, identity, clock, validUntil);
  } catch (error) {
    socket?.destroy();
    under.destroy();
    if (!isAmbiguous(error)) throw error;
    const time = Math.max(0, options.timeout - (clock.now() - started));
    throw await looks.explain(options, time) ?? error;
  } finally {
    deadline.cancel();
    signal?.removeEventListener("abort", giveUp);
  }
}

function verifyNode(
  options: DialOptions & { readonly tls: TlsMaterial },
  chain: readonly Uint8Array[],
  wallTime: number,
): NodeIdentity {
  if (chain[0] !== undefined) checkName(chain[0], options);
  const identity = verifyPeer(options.tls, chain, wallTime);
  if (identity.kind === "node") return identity;
  throw new CertificateRefusedError(
    "wrongRole",
    address(options),
    `is that of ${identity.kind} ${identity.name}, not of a node`,
    `use one for nodes there, as ${certTool} create-node makes it`,
  );
}

/** The peer would close the connection, and this end would not learn why. */
function checkOwnDates({ own }: PreparedMaterial, wallTime: number): void {
  const { notBefore, notAfter } = own;
  if (wallTime >= notBefore && wallTime <= notAfter) return;
  const problem = wallTime > notAfter
    ? `expired on ${isoTime(notAfter)}`
    : `is not valid before ${isoTime(notBefore)}`;
  throw new TransportError("badTlsMaterial", `this end's own certificate ${problem}`, {
    remedy: "issue a new one, and check the clock of this machine",
  });
}

function startTls(
  under: Socket,
  material: PreparedMaterial,
  options: DialOptions,
  fail: (error: TransportError) => void,
): TLSSocket {
  const onError = (error: Error) => fail(explain(error, options));
  under.on("error", onError);
  // No `servername`: it must not be an IP address, and the name that counts is the logical one. That is
  // compared by `verifyNode`, before there is a link: what `node:tls` rejects is cut without a word.
  const socket = connect({
    secureContext: material.context,
    rejectUnauthorized: true,
    socket: under,
    checkServerIdentity: () => undefined,
  });
  // It must flow to be paused later.
  resumeReading(under);
  socket.on("error", onError);
  socket.on("close", () => onError(new Error("the peer closed the connection")));
  return socket;
}

function secured(socket: TLSSocket): Promise<void> {
  return new Promise((resolve) => void socket.once("secureConnect", resolve));
}

function checkName(der: Uint8Array, options: DialOptions): void {
  const { hosts } = readCertificate(der);
  if (coversHost(hosts, options.serverName)) return;
  throw new TransportError(
    "wrongServerName",
    `the certificate of ${address(options)} does not cover the host ${options.serverName} ` +
      `but ${listHosts(hosts)}`,
    {
      value: options.serverName,
      remedy: "dial a host that the certificate names, or issue one that names this host",
    },
  );
}

function explain(error: Error, options: DialOptions): TransportError {
  if (error instanceof TransportError) return error;
  const code = (error as { code?: unknown }).code;
  if (untrustedCodes.has(String(code))) {
    return new TransportError(
      "peerNotTrusted",
      `the certificate of ${address(options)} is not acceptable: ${untrustedReason(String(code))}`,
      {
        value: address(options),
        remedy: `look at it with ${certTool} doctor and its option --connect`,
        cause: error,
      },
    );
  }
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER") {
    return new TransportError("notTls", `${address(options)} does not speak TLS`, {
      value: address(options),
      remedy: "check the port, and that the node there has the option tls",
      cause: error,
    });
  }
  if (isOldVersion(error)) {
    return new TransportError("notTls", `${address(options)} does not speak TLS 1.3`, {
      value: address(options),
      remedy: "check that a node listens there, and no proxy that ends TLS before it",
      cause: error,
    });
  }
  return new TransportError(
    "tlsHandshakeFailed",
    `the TLS handshake with ${address(options)} failed: ${error.message}`,
    {
      value: address(options),
      remedy: "see the log of that node for the reason",
      cause: error,
    },
  );
}

/** Whether the TLS layer has refused a certificate, which may have several reasons. */
function isAmbiguous(error: unknown): boolean {
  return error instanceof TransportError && error.code === "peerNotTrusted" &&
    !(error instanceof CertificateRefusedError);
}

/** Where the certificate cannot be seen. */
function untrustedReason(code: string): string {
  return platform.tls.whyUntrusted(code) ??
    "it has expired, is not yet valid, is signed by itself, or by another authority of the same " +
      "name, or is not made for servers (the runtime does not tell which; the log of that node does)";
}

function address(options: DialOptions): string {
  return formatAddress(options.host, options.port);
}
