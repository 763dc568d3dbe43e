/**
 * TLS handshakes that are made to see what the peer shows: no data is sent.
 *
 * @module
 */
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import type { Clock, Timer } from "../runtime/clock.ts";
import { systemClock } from "../runtime/system_clock.ts";

/** Where to dial, and how long to wait. */
export interface DialTarget {
  readonly host: string;
  readonly port: number;
  /** Milliseconds until the TLS handshake must be done. */
  readonly timeout: number;
  /** Milliseconds that a peer may take afterwards to refuse us. */
  readonly refusalTimeout: number;
  /** Measures both. Default: the machine's clock. */
  readonly clock?: Clock;
  /** Gives up when it aborts, as if there were no connection. */
  readonly signal?: AbortSignal;
}

/** PEM texts of one's own; without `cert` and `key` no certificate is shown. */
export interface DialMaterial {
  readonly cert?: string;
  readonly key?: string;
  readonly ca: string;
}

/** The result of a handshake. */
export type DialOutcome =
  /** There is no connection: no listener, no such host, or no answer in time. */
  | { readonly kind: "unreachable"; readonly reason: string }
  /** There is a connection, and no TLS 1.3 over it. */
  | { readonly kind: "noHandshake"; readonly reason: string }
  /** Our side does not accept the peer's certificate. */
  | { readonly kind: "rejected"; readonly reason: string }
  /** The peer has ended the connection after the handshake: it does not accept ours. */
  | { readonly kind: "closed"; readonly chain: Chain; readonly alert: string | undefined }
  /** The connection stayed open. */
  | { readonly kind: "open"; readonly chain: Chain };

/** The certificates that a peer has shown, leaf first. */
export type Chain = readonly Uint8Array<ArrayBuffer>[];

/** Error codes of node:tls for rejected certificates. */
const verification = /^(UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|CERT_|INVALID_CA|INVALID_PURPOSE)/;
const maxChainLength = 8;

/**
 * Shakes hands as a node would, with the same demands on the peer's certificate, and waits whether
 * the peer refuses ours: with TLS 1.3 it verifies it after our side is done. No data is sent.
 */
export function shakeHands(target: DialTarget, material: DialMaterial): Promise<DialOutcome> {
  return dial(target, { ...material, rejectUnauthorized: true });
}

/**
 * Shakes hands with any peer that answers, showing no certificate.
 *
 * This is the one place that does not demand that the peer be verified, and only for a peer whose
 * certificate a handshake with that demand has refused already, or where no authority is here to
 * verify it with. To explain a rejection, the certificate must be visible: Deno does not show a
 * certificate that it has rejected, TLS 1.3 encrypts it, and a separate TLS implementation would be
 * a larger risk than this setting. This connection sends nothing, uses no key, drops received data
 * and is closed here. What it has shown is used for a sentence, and for no decision.
 */
export function lookAt(target: DialTarget): Promise<DialOutcome> {
  return dial(target, { rejectUnauthorized: false });
}

function dial(
  { host, port, timeout, refusalTimeout, clock = systemClock, signal }: DialTarget,
  options: ConnectionOptions,
): Promise<DialOutcome> {
  const { promise, resolve } = Promise.withResolvers<DialOutcome>();
  let chain: Chain | undefined;
  let connected = false;
  let timer: Timer | undefined;
  const socket = connect({
    host: host.replace(/^\[(.*)\]$/, "$1"),
    port,
    minVersion: "TLSv1.3",
    // The name that counts is the logical one; the doctor compares it itself.
    checkServerIdentity: () => undefined,
    ...options,
  });
  const giveUp = () => settle({ kind: "unreachable", reason: "it was given up" });
  const settle = (outcome: DialOutcome) => {
    timer?.cancel();
    signal?.removeEventListener("abort", giveUp);
    resolve(outcome);
    socket.destroy();
  };
  const ended = (alert?: string) => {
    if (chain !== undefined) settle({ kind: "closed", chain, alert });
    else if (connected) settle({ kind: "noHandshake", reason: "it closed the connection" });
    else settle({ kind: "unreachable", reason: "the connection ended at once" });
  };
  timer = clock.schedule(timeout, () => {
    const reason = `no answer within ${timeout} ms`;
    settle(connected ? { kind: "noHandshake", reason } : { kind: "unreachable", reason });
  });
  signal?.addEventListener("abort", giveUp);
  if (signal?.aborted) giveUp();
  socket.on("connect", () => connected = true);
  socket.on("secureConnect", () => {
    timer?.cancel();
    const seen = chain = chainOf(socket);
    timer = clock.schedule(refusalTimeout, () => settle({ kind: "open", chain: seen }));
  });
  socket.on("error", (error) => {
    const code = String((error as { code?: unknown }).code ?? "");
    const alert = /fatal alert: (\w+)/.exec(error.message)?.[1];
    if (chain !== undefined) ended(alert);
    else if (verification.test(code)) settle({ kind: "rejected", reason: error.message });
    else if ((/^E[A-Z]+$/.test(code) && code !== "ECONNRESET") || withoutPermission(error)) {
      settle({ kind: "unreachable", reason: firstLine(error) });
    } else settle({ kind: "noHandshake", reason: firstLine(error) });
  });
  socket.on("end", () => ended());
  // Drops received data; without reading, the end would not be noticed.
  socket.resume();
  socket.on("close", () => ended());
  return promise;
}

function chainOf(socket: TLSSocket): Chain {
  const chain: Uint8Array<ArrayBuffer>[] = [];
  let next = socket.getPeerCertificate(true);
  while (next?.raw !== undefined && chain.length < maxChainLength) {
    chain.push(Uint8Array.from(next.raw));
    // A root is linked to itself.
    if (next.issuerCertificate === next) break;
    next = next.issuerCertificate;
  }
  return chain;
}

/** Deno was started without `--allow-net`; node:tls passes that on as an error of the socket. */
function withoutPermission({ message }: Error): boolean {
  return message.startsWith("Requires net access");
}

function firstLine({ message }: Error): string {
  return message.split("\n")[0]!.slice(0, 200);
}
