/**
 * Lets peers with given certificates meet the TLS network of Casty, in both directions, and prints
 * one line of JSON, {@linkcode Meeting}, for each. Its first argument is {@linkcode PeerSettings} as
 * JSON. The peers are the runtime's own `node:tls`, which sends any certificate.
 */
import { type AddressInfo, createConnection } from "node:net";
import process from "node:process";
import { connect, type ConnectionOptions, createServer } from "node:tls";
import { TlsConfig } from "@casty/casty";
import { listenWithProof } from "../../../lib/transport/tls/mutual_tls_proof.ts";
import { TlsNetwork } from "../../../lib/transport/tls/tls_network.ts";

/** A peer, with a certificate or without. */
export interface Peer {
  readonly name: string;
  readonly cert?: string;
  readonly key?: string;
  /** Whether it dials a second time and then resumes its session. */
  readonly resumes?: boolean;
}

/** Certificates of both ends. */
export interface PeerSettings {
  readonly ca: string;
  readonly files: Readonly<Record<"certFile" | "keyFile" | "caFile" | "crlFile", string>>;
  readonly peers: readonly Peer[];
}

/** What came of it. `reason`: why our end refused it; undefined: it did not. */
export interface Meeting {
  readonly peer: string;
  readonly side: "dials" | "listens";
  readonly reason?: string;
  /** Of an accepted peer: how many certificates its chain has, without the authority. */
  readonly chain?: number;
  /** Of a peer that resumes: whether its own end took the session for resumed. */
  readonly resumed?: boolean;
}

const { ca, files, peers } = JSON.parse(process.argv[2]!) as PeerSettings;
const tls = await TlsConfig.fromPaths(files);
const network = new TlsNetwork();
const timeout = 5_000;

/** Dials a listener of ours; the socket ends itself once it has a session, if it is to have one. */
function dialUs(
  port: number,
  { cert, key }: Peer,
  { session, wantsSession }: { session?: Uint8Array; wantsSession?: boolean },
): Promise<{ session?: Uint8Array; resumed: boolean }> {
  return new Promise((resolve) => {
    let last: Uint8Array | undefined;
    let resumed = false;
    const options: ConnectionOptions = {
      socket: createConnection({ host: "127.0.0.1", port }),
      ca,
      checkServerIdentity: () => undefined,
    };
    if (cert !== undefined) Object.assign(options, { cert, key });
    if (session !== undefined) Object.assign(options, { session });
    const socket = connect(options);
    socket.on("session", (data: Uint8Array) => {
      last = data;
      if (wantsSession) socket.destroy();
    });
    socket.on("error", () => {});
    socket.on("data", () => {});
    socket.on("secureConnect", () => resumed = socket.isSessionReused());
    socket.on("close", () => resolve({ ...(last && { session: last }), resumed }));
    // Deno gives none.
    if (wantsSession) setTimeout(() => socket.destroy(), 1_000);
  });
}

/** The peer dials a listener of ours, a second time with the session of the first if it resumes. */
async function meetDialling(peer: Peer): Promise<Meeting> {
  let answer: (outcome: Partial<Meeting>) => void = () => {};
  let closes = true;
  const listener = await listenWithProof(network, {
    host: "127.0.0.1",
    port: 0,
    tls,
    handshakeTimeout: timeout,
    maxPendingHandshakes: 4,
    onLink: (link) => {
      const { identity } = link;
      answer({ chain: identity.kind === "plain" ? 0 : identity.chain!.length });
      if (closes) link.close();
    },
    onRefused: (_remote, reason) => answer({ reason }),
  });
  let session: Uint8Array | undefined;
  if (peer.resumes) {
    closes = false;
    ({ session } = await dialUs(listener.port, peer, { wantsSession: true }));
    closes = true;
  }
  const { promise: outcome, resolve } = Promise.withResolvers<Partial<Meeting>>();
  answer = resolve;
  const { resumed } = await dialUs(listener.port, peer, { ...(session && { session }) });
  const meeting = { peer: peer.name, side: "dials", ...await outcome } as const;
  await listener.close();
  return peer.resumes ? { ...meeting, resumed } : meeting;
}

/** The peer listens, and we dial it. */
async function meetListening(peer: Peer): Promise<Meeting> {
  const server = createServer({ ca, cert: peer.cert!, key: peer.key!, requestCert: true });
  server.on("secureConnection", (socket) => void socket.on("error", () => {}).resume());
  await new Promise<void>((resolve) => server.listen({ host: "127.0.0.1", port: 0 }, resolve));
  const { port } = server.address() as AddressInfo;
  const meeting = { peer: peer.name, side: "listens" } as const;
  try {
    const target = { host: "127.0.0.1", port, serverName: "127.0.0.1" };
    const link = await network.dial({ ...target, tls, timeout });
    const { identity } = link;
    link.destroy();
    return { ...meeting, chain: identity.kind === "plain" ? 0 : identity.chain!.length };
  } catch (error) {
    return { ...meeting, reason: error instanceof Error ? error.message : String(error) };
  } finally {
    server.close();
  }
}

for (const peer of peers) {
  console.log(JSON.stringify(await meetDialling(peer)));
  if (peer.cert !== undefined) console.log(JSON.stringify(await meetListening(peer)));
}
process.exit(0);
