import { formatAddress } from "../../runtime/address.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Listener, ListenOptions, Network, TlsMaterial } from "../../runtime/network.ts";
import { platform } from "../../runtime/platform.ts";
import { systemClock } from "../../runtime/system_clock.ts";
import { TransportError } from "../base/errors.ts";
import { closeQuietly, connectTcp, socketAddress } from "../tcp/tcp_socket.ts";

/** The listener to check, and the timing of the check. */
export interface MutualTlsProof {
  /** Where this node's own listener can be reached from this machine. */
  readonly host: string;
  readonly port: number;
  /** The material of the listener; only its authorities are used. */
  readonly tls: TlsMaterial;
  /** Milliseconds until the listener must have refused the probe. */
  readonly timeout: number;
  /**
   * Whether the listener has made a link for the socket that it sees as `remote`. Asked after the
   * probe's connection has ended: its end alone does not tell a refusal from a link that was made
   * and then closed.
   */
  readonly admitted: (remote: string) => boolean;
  /** Called with the probe's address before a byte is sent, so that its refusal is not logged. */
  readonly onProbe?: (remote: string) => void;
  /** Measures the timeout. Default: the machine's clock. */
  readonly clock?: Clock;
}

/**
 * Dials a listener of this very node without a certificate, and resolves when it was refused. A
 * listener that accepts every peer works in every other respect, so no other check would notice.
 *
 * @throws {TransportError} code `clientsNotVerified` when the probe was let in or not refused in
 * time; `badTlsMaterial` when the listener's certificate does not satisfy its own authorities; or
 * the code of a failed connection.
 */
export async function proveMutualTls(proof: MutualTlsProof): Promise<void> {
  const clock = proof.clock ?? systemClock;
  const conn = await connectTcp(clock, proof.host, proof.port, proof.timeout);
  const remote = socketAddress(conn.localAddr);
  proof.onProbe?.(remote);
  let late = false;
  let current: { close(): void } = conn;
  const timer = clock.schedule(proof.timeout, () => {
    late = true;
    closeQuietly(current);
  });
  try {
    const tls = await platform.tls.startWithoutCertificate(conn, proof.tls.ca);
    current = tls;
    await tls.handshake();
    // With TLS 1.3 the client finishes before the server verifies its certificate: only a read
    // shows the result.
    const answer = await tls.read(new Uint8Array(1));
    if (answer !== null) throw letIn(proof, "answered a peer without a certificate");
  } catch (error) {
    if (error instanceof TransportError) throw error;
    if (late) throw letIn(proof, "did not refuse a peer without a certificate in time");
    const failure = platform.tls.failureOf(error);
    if (failure === "untrustedServer") throw badServer(proof, error);
    // Only an error that is known to be a refusal is a proof.
    if (failure !== "refused") throw letIn(proof, `failed the probe: ${error}`, error);
  } finally {
    timer.cancel();
    closeQuietly(current);
  }
  if (proof.admitted(remote)) throw letIn(proof, "made a link for a peer without a certificate");
}

/**
 * Listens with mutual TLS, and proves before it returns that peers without a certificate are
 * refused. The probe appears neither in `onLink` nor in `onRefused`; real peers may arrive
 * meanwhile.
 *
 * @throws {TransportError} of `listen` or of `proveMutualTls`; the port is free again then.
 */
export async function listenWithProof(
  network: Network,
  options: ListenOptions & { readonly tls: TlsMaterial },
  clock: Clock = systemClock,
): Promise<Listener> {
  let probe: string | undefined;
  let admitted = false;
  const { promise: refused, resolve: refuse } = Promise.withResolvers<void>();
  const listener = await network.listen({
    ...options,
    onLink: (link, since) => {
      if (link.remote !== probe) return options.onLink(link, since);
      admitted = true;
      link.destroy();
      refuse();
    },
    onRefused: (remote, reason) => {
      if (remote !== probe) return options.onRefused(remote, reason);
      refuse();
    },
  });
  const proof: MutualTlsProof = {
    host: reachable(options.host),
    port: listener.port,
    tls: options.tls,
    // The listener itself may take this long to decide.
    timeout: options.handshakeTimeout + 1_000,
    admitted: () => admitted,
    onProbe: (remote) => void (probe = remote),
    clock,
  };
  try {
    await proveMutualTls(proof);
    // The listener must have its say too: it may have seen less of the probe than the probe of it.
    await within(clock, proof, refused);
    if (admitted) throw letIn(proof, "made a link for a peer without a certificate");
    // A later peer may be given the same port by the system.
    probe = undefined;
    return listener;
  } catch (error) {
    await listener.close();
    throw error;
  }
}

async function within(clock: Clock, proof: MutualTlsProof, refused: Promise<void>): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = clock.schedule(proof.timeout, () => {
    reject(letIn(proof, "reported no refusal of a peer without a certificate"));
  });
  try {
    await Promise.race([refused, late]);
  } finally {
    timer.cancel();
  }
}

/** An address that leads to a listener bound to `host`. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}

function letIn(proof: MutualTlsProof, what: string, cause?: unknown): TransportError {
  const address = formatAddress(proof.host, proof.port);
  return new TransportError(
    "clientsNotVerified",
    `the listener on ${address} ${what}; this node will not start`,
    {
      value: address,
      remedy: "use the network of Casty, on Deno 2.9, Node 24 or Bun 1.4, or newer",
      cause,
    },
  );
}

function badServer(proof: MutualTlsProof, cause: unknown): TransportError {
  const address = formatAddress(proof.host, proof.port);
  return new TransportError(
    "badTlsMaterial",
    `the certificate of the listener on ${address} does not satisfy its own authorities`,
    { value: address, remedy: "check it with TlsConfig.fromPem, which says more", cause },
  );
}
