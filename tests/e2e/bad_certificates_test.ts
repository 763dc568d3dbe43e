/**
 * A matrix of bad certificates made with openssl: each is refused by a running node when somebody
 * dials with it, and by a dialling node or client when a listener shows it, each with its reason.
 */
import { assertEquals, assertRejects } from "@std/assert";
import { ClusteredActorSystem, TlsConfig, TlsConfigError } from "@casty/casty";
import type { TlsMaterial } from "@casty/casty/runtime";
import { ClusterClient } from "@casty/casty/client";
import type { Network } from "../../lib/runtime/network.ts";
import type { Runtime } from "../../lib/runtime/runtime.ts";
import type { TransportError } from "../../lib/transport/base/errors.ts";
import { TlsNetwork } from "../../lib/transport/tls/tls_network.ts";
import { FrameType } from "../../lib/wire/frame.ts";
import { FrameReader } from "../../lib/wire/frame_reader.ts";
import { opensslTest } from "../openssl.ts";
import {
  Certificates,
  farAhead,
  longAgo,
  type Pair,
  type Wanted,
} from "../transport/network/certificates.ts";
import { Server } from "../transport/network/links.ts";
import { OpensslClient } from "../transport/network/openssl_client.ts";
import { revocationList } from "../transport/network/revocation_lists.ts";
import { Lines } from "./lines.ts";

interface Bad {
  readonly make: (certificates: Certificates) => Promise<Pair>;
  /** In the log of the running node that is dialled with it; none: it is good for a client. */
  readonly dialling?: RegExp;
  /** What a node or client says that dials a listener with it. */
  readonly listening: RegExp;
  /** Code of the error when it is loaded; none: it is good by itself. */
  readonly code?: string;
}

const otherAuthority = /its issuer \(another authority\) is not among .* \(test authority\)/;
const bySelf = /does not chain to a trusted authority: it is signed by itself/;
const noServer =
  /lacks the extended key usage serverAuth \(a node needs serverAuth and clientAuth\)/;
const noClient =
  /lacks the extended key usage clientAuth \(a node needs serverAuth and clientAuth\)/;

const matrix: Readonly<Record<string, Bad>> = {
  "of another authority": {
    make: async (c) => c.leaf({ issuer: await c.authority({ name: "another authority" }) }),
    dialling: otherAuthority,
    listening: otherAuthority,
    code: "untrusted",
  },
  "signed by itself": {
    make: (c) => c.authority({ ...nodeLike, constraints: "CA:FALSE" }),
    dialling: bySelf,
    listening: bySelf,
    code: "untrusted",
  },
  "expired": {
    make: (c) => c.leaf({ validity: longAgo }),
    dialling: /node node-1 expired on 2021-01-01/,
    listening: /node node-1 expired on 2021-01-01/,
    code: "expired",
  },
  "not yet valid": {
    make: (c) => c.leaf({ validity: farAhead }),
    dialling: /node node-1 is not valid before 2045-01-01/,
    listening: /node node-1 is not valid before 2045-01-01/,
    code: "notYetValid",
  },
  "for servers only": {
    make: (c) => c.leaf({ usages: "serverAuth" }),
    dialling: noClient,
    listening: noClient,
    code: "wrongUse",
  },
  "of a node, for clients only": {
    make: (c) => c.leaf({ usages: "clientAuth" }),
    dialling: noServer,
    listening: noServer,
    code: "wrongUse",
  },
  "without a name": {
    make: (c) => c.leaf({ uri: [] }),
    dialling: /has no URI name spiffe:\/\/<domain>\/node\/<name> or .*; it has DNS localhost, /,
    listening: /has no URI name spiffe:\/\/<domain>\/node\/<name> or .*; it has DNS localhost, /,
    code: "noIdentity",
  },
  "of a node without a host": {
    make: (c) => c.leaf({ hosts: [], uri: ["spiffe://casty/node/node-1"] }),
    dialling: /covers no host, and a node needs one/,
    listening: /does not cover the host 127\.0\.0\.1 but no host at all/,
    code: "noHost",
  },
  "below path length 0": {
    make: async (c) => {
      const below = await c.authority({ name: "below", issuer: c.ca });
      const { cert, key } = await c.leaf({ issuer: below });
      return { cert: cert + below.cert, key };
    },
    dialling: /allows 0 authorities below it but has 1 \(path length\)/,
    listening: /allows 0 authorities below it but has 1 \(path length\)/,
    code: "pathLength",
  },
  "without the right to sign": {
    make: (c) => c.leaf({ keyUsage: "keyEncipherment" }),
    dialling: /lacks the key usage digitalSignature/,
    listening: /lacks the key usage digitalSignature/,
    code: "wrongUse",
  },
  "of another host": {
    make: (c) => c.leaf({ hosts: ["elsewhere.example"] }),
    listening: /does not cover the host 127\.0\.0\.1 but elsewhere\.example/,
  },
  "of a client": {
    make: (c) => c.client({ usages: "serverAuth,clientAuth", hosts: ["127.0.0.1"] }),
    listening: /is that of client client-1, not of a node/,
  },
};

const nodeLike = {
  name: "node-1",
  uri: "spiffe://casty/node/node-1",
  hosts: ["localhost", "127.0.0.1"],
  usages: "serverAuth,clientAuth",
  keyUsage: "digitalSignature",
};

/** The types of the frames that were received. */
function framesOf(chunks: readonly Uint8Array[]): number[] {
  const types: number[] = [];
  const reader = new FrameReader(1_048_576, (type) => types.push(type));
  for (const chunk of chunks) reader.push(chunk);
  return types;
}

/** `openssl s_client` sends only the first certificate of `-cert`. */
async function chainOf(certificates: Certificates, { cert }: Pair): Promise<string[]> {
  const below = cert.slice(cert.indexOf("-----END CERTIFICATE-----") + 26);
  if (below.trim() === "") return [];
  return ["-cert_chain", await certificates.file(below)];
}

for (const [name, { make, dialling, listening, code }] of Object.entries(matrix)) {
  opensslTest(`a certificate ${name} is refused by node, client and at load`, async () => {
    await using certificates = await Certificates.create();
    const bad = { ...await make(certificates), ca: certificates.ca.cert };
    const lines = new Lines();
    await using node = await start(certificates, lines);
    const port = Number(node.address.split(":")[1]);
    if (dialling !== undefined) {
      const chain = await chainOf(certificates, bad);
      await using _peer = await OpensslClient.connect(certificates, port, bad, ...chain);
      await lines.seen(new RegExp(`connection rejected .*${dialling.source}`));
    }
    assertEquals(node.members.length, 1);

    await using server = await Server.start(new TlsNetwork(), { tls: bad });
    const clientLines = new Lines();
    await assertRejects(async () =>
      await ClusterClient.connect({
        contactPoints: [`127.0.0.1:${server.port}`],
        systemName: "secure",
        connectTimeout: 20_000,
        tls: await TlsConfig.fromPem(await certificates.client()),
        logger: clientLines,
      })
    );
    await clientLines.seen(listening);
    // It is told the reason at most, and nothing of the client.
    const frames = server.ends.flatMap(({ chunks }) => framesOf(chunks));
    assertEquals(frames.filter((type) => type !== FrameType.refuse), []);

    if (code === undefined) return;
    const error = await assertRejects(() => TlsConfig.fromPem(bad), TlsConfigError);
    assertEquals(error.code as string, code);
  });
}

opensslTest(
  "a certificate with the key of another one is refused before a port is bound",
  async () => {
    await using certificates = await Certificates.create();
    const { key } = await certificates.leaf();
    const tls = { ...await certificates.node(), key };
    const error = await assertRejects(() => TlsConfig.fromPem(tls), TlsConfigError);
    assertEquals(error.code, "keyMismatch");
    await assertRejects(
      () => ClusteredActorSystem.start({ name: "secure", host: "127.0.0.1", port: 0, tls }),
      Error,
      "is not the private key",
    );
  },
);

/** Starting with the certificate fails at once with the code; the expression is what others log. */
const impostors: Readonly<Record<string, [Wanted, string, RegExp]>> = {
  "does not cover its address": [
    { hosts: ["elsewhere.example"] },
    "ownHostNotCovered",
    /connection rejected .*its certificate does not cover \(elsewhere\.example\)/,
  ],
  "is that of a client": [
    { uri: "spiffe://casty/client/mallory", hosts: ["127.0.0.1"] },
    "notNodeCertificate",
    /connection rejected .*the certificate of mallory is that of a client, not of a node/,
  ],
};

for (const [name, [wanted, code, reason]] of Object.entries(impostors)) {
  opensslTest(`a node whose certificate ${name} never becomes a member`, async () => {
    await using certificates = await Certificates.create();
    const lines = new Lines();
    await using node = await start(certificates, lines);
    const usages = "serverAuth,clientAuth";
    const bad = await TlsConfig.fromPem(await certificates.node({ usages, ...wanted }));
    const join = async (tls: TlsMaterial, runtime: Partial<Runtime>) =>
      await assertRejects(() =>
        ClusteredActorSystem.start({
          name: "secure",
          host: "127.0.0.1",
          port: 0,
          seedNodes: [node.address],
          requiredQuorum: 2,
          startTimeout: 20_000,
          tls,
          runtime,
          logger: new Lines(),
        })
      ) as TransportError;
    assertEquals((await join(bad, {})).code, code);
    // An impostor does not check itself: what it shows to others is the bad certificate.
    const network = new TlsNetwork();
    const showingBad: Network = {
      listen: (options) => network.listen({ ...options, tls: bad }),
      dial: (options) => network.dial({ ...options, tls: bad }),
    };
    await join(await certificates.node(), { network: showingBad });
    await lines.seen(reason);
    assertEquals(node.members.length, 1);
  });
}

opensslTest("a running node refuses who is revoked, a client refuses a revoked node", async () => {
  await using certificates = await Certificates.create();
  const revoked = await certificates.node({ name: "gone" });
  const crlFile = await revocationList(certificates, [revoked]);
  const load = async ({ cert, key, ca }: TlsMaterial) => {
    const certFile = await certificates.file(cert + key);
    return await TlsConfig.fromPaths({ certFile, caFile: await certificates.file(ca), crlFile });
  };
  const lines = new Lines();
  await using node = await start(certificates, lines, await load(await certificates.node()));
  const port = Number(node.address.split(":")[1]);
  await using _peer = await OpensslClient.connect(certificates, port, revoked);
  await lines.seen(/connection rejected .*the certificate of node gone is revoked/);
  await using other = await start(certificates, new Lines(), revoked);
  const clientLines = new Lines();
  const tls = await load(await certificates.client());
  await assertRejects(() =>
    ClusterClient.connect({
      contactPoints: [other.address],
      systemName: "secure",
      connectTimeout: 20_000,
      tls,
      logger: clientLines,
    })
  );
  await clientLines.seen(/cannot be reached .*the certificate of node gone is revoked/);
});

async function start(
  certificates: Certificates,
  logger: Lines,
  tls?: TlsMaterial,
): Promise<ClusteredActorSystem> {
  return await ClusteredActorSystem.start({
    name: "secure",
    host: "127.0.0.1",
    port: 0,
    tls: tls ?? await TlsConfig.fromPem(await certificates.node()),
    transport: { handshakeTimeout: 3_000 },
    logger,
  });
}
