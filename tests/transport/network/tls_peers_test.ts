import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import type { CertifiedIdentity, TlsMaterial } from "../../../lib/runtime/network.ts";
import { platform } from "../../../lib/runtime/platform.ts";
import { systemClock } from "../../../lib/runtime/system_clock.ts";
import { TransportError } from "../../../lib/transport/base/errors.ts";
import { TcpNetwork } from "../../../lib/transport/tcp/tcp_network.ts";
import { TlsConfig } from "../../../lib/transport/tls/tls_config.ts";
import { TlsNetwork } from "../../../lib/transport/tls/tls_network.ts";
import { Certificates, farAhead, longAgo, type Pair } from "./certificates.ts";
import { dial, Server } from "./links.ts";
import { OpensslClient } from "./openssl_client.ts";
import { opensslTest } from "../../openssl.ts";

const network = new TlsNetwork();

/** A good peer can connect and be heard. */
async function assertServes(server: Server, tls: TlsMaterial): Promise<void> {
  const index = server.ends.length;
  const client = await dial(network, server.port, { tls });
  await client.send("good");
  assertEquals(await (await server.end(index)).text(4), "good");
  client.link.destroy();
  await client.ended();
}

/** Starts a listener, sends it a bad peer and then a good one, and returns the reason. */
async function refusal(
  bad: (certificates: Certificates, server: Server) => Promise<AsyncDisposable>,
  options: { handshakeTimeout?: number } = {},
): Promise<string> {
  await using certificates = await Certificates.create();
  const tls = await certificates.node();
  await using server = await Server.start(network, { tls, ...options });
  await using _peer = await bad(certificates, server);
  const [reason] = await Promise.all([server.refusal(), assertServes(server, tls)]);
  assertEquals(server.ends.length, 1, "only the good peer became a link");
  assertEquals(server.refusals.length, 1);
  assertMatch(server.refusals[0]!.remote, /^127\.0\.0\.1:\d+$/);
  return reason;
}

function opensslRefusal(pair: (certificates: Certificates) => Promise<Pair | undefined>) {
  return refusal(async (certificates, server) => {
    const client = await OpensslClient.connect(
      certificates,
      server.port,
      await pair(certificates),
    );
    await client.ended();
    return client;
  });
}

/** A plain socket that writes `bytes` and then stays as it is. */
async function rawPeer(port: number, bytes: Uint8Array): Promise<AsyncDisposable & Deno.Conn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  if (bytes.length > 0) await conn.write(bytes);
  const drained = (async () => {
    try {
      while (await conn.read(new Uint8Array(1024)) !== null);
    } catch {
      // Reset by the server.
    }
  })();
  return Object.assign(conn, {
    [Symbol.asyncDispose]: async () => {
      await drained;
      conn.close();
    },
  });
}

opensslTest("openssl without a certificate is refused", async () => {
  const reason = await opensslRefusal(() => Promise.resolve(undefined));
  assertMatch(reason, /^it showed no certificate \(nodes that have rejected ours dial so/);
});

opensslTest(
  "openssl with a certificate of another authority of the same name is refused",
  async () => {
    const reason = await opensslRefusal(async (certificates) => {
      return await certificates.leaf({ issuer: await certificates.authority() });
    });
    assertStringIncludes(
      reason,
      "it was signed by another authority of the same name (test authority)",
    );
  },
);

opensslTest("openssl with an expired certificate is refused", async () => {
  const reason = await opensslRefusal((certificates) => certificates.leaf({ validity: longAgo }));
  assertStringIncludes(
    reason,
    "the certificate of node node-1 expired on 2021-01-01T00:00:00.000Z",
  );
});

opensslTest("openssl with a certificate of the future is refused", async () => {
  const reason = await opensslRefusal((certificates) => certificates.leaf({ validity: farAhead }));
  assertStringIncludes(reason, "is not valid before 2045-01-01T00:00:00.000Z");
});

opensslTest("openssl with a certificate for servers only is refused", async () => {
  const reason = await opensslRefusal((certificates) =>
    certificates.leaf({ usages: "serverAuth" })
  );
  assertStringIncludes(reason, "lacks the extended key usage clientAuth");
});

opensslTest("a certificate without a class is refused with the way to a better one", async () => {
  const reason = await opensslRefusal((certificates) => {
    return certificates.leaf({ name: "web", uri: "https://example.com/node/web" });
  });
  assertEquals(
    reason,
    "the certificate of web has no URI name spiffe://<domain>/node/<name> or " +
      ".../client/<name> or .../admin/<name>; it has URI https://example.com/node/web, DNS localhost, " +
      "IP 127.0.0.1, CN=web; issue it with cert.ts; or, to use certificates of another PKI, say " +
      "with the option identity of TlsConfig which names are nodes and which are clients, such " +
      'as identity: { node: "subject:CN=web" } (docs/foreign_pki.md)',
  );
});

opensslTest("a certificate with two classes is refused", async () => {
  const reason = await opensslRefusal((certificates) => {
    return certificates.leaf({ uri: ["spiffe://casty/node/a", "spiffe://casty/client/a"] });
  });
  assertStringIncludes(reason, "more than one name of a node, client or admin");
});

opensslTest("a node's certificate must be made for servers and clients", async () => {
  const reason = await opensslRefusal((certificates) =>
    certificates.leaf({ usages: "clientAuth" })
  );
  assertStringIncludes(reason, "a node needs serverAuth and clientAuth");
});

opensslTest("openssl with TLS 1.2 is refused", async () => {
  const reason = await refusal(async (certificates, server) => {
    const pair = await certificates.leaf();
    return await OpensslClient.connect(certificates, server.port, pair, "-tls1_2");
  });
  assertEquals(reason, "it does not speak TLS 1.3");
});

Deno.test("plain text on a TLS port is refused at once", async () => {
  const text = new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n");
  const reason = await refusal((_certificates, server) => rawPeer(server.port, text));
  assertEquals(reason, "it does not speak TLS");
});

Deno.test("garbage that looks like TLS is refused", async () => {
  const hello = new Uint8Array(600).fill(0x7f);
  hello.set([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]);
  const reason = await refusal((_certificates, server) => rawPeer(server.port, hello), {
    handshakeTimeout: 3_000,
  });
  assertStringIncludes(reason, "TLS");
});

Deno.test("a peer that stays silent is cut after handshakeTimeout", async () => {
  const reason = await refusal(
    (_certificates, server) => rawPeer(server.port, new Uint8Array(0)),
    { handshakeTimeout: 1_500 },
  );
  assertEquals(reason, "it sent nothing within handshakeTimeout (1500 ms)");
});

Deno.test("a silent peer costs a socket only: TLS begins with its first byte", async () => {
  await using certificates = await Certificates.create();
  const tls = await certificates.node();
  await using server = await Server.start(network, { tls });
  await assertServes(server, tls);
  const { accept } = platform.tls;
  let begun = 0;
  platform.tls.accept = (...given) => {
    begun++;
    return accept.apply(platform.tls, given);
  };
  try {
    const silent = [];
    for (let i = 0; i < 40; i++) silent.push(await rawPeer(server.port, new Uint8Array(0)));
    // A peer that is accepted after them is served.
    await assertServes(server, tls);
    assertEquals(begun, 1);
    await silent[0]!.write(Uint8Array.of(22));
    await silent[1]!.write(new TextEncoder().encode("GET / HTTP/1.1"));
    assertStringIncludes(await server.refusal(), "TLS");
    await assertServes(server, tls);
    assertEquals(begun, 4);
    await server.close();
    for (const peer of silent) await peer[Symbol.asyncDispose]();
  } finally {
    platform.tls.accept = accept;
  }
});

Deno.test("a peer that stops in the middle of a handshake is cut after handshakeTimeout", async () => {
  const reason = await refusal(
    (_certificates, server) => rawPeer(server.port, Uint8Array.of(22, 3, 1, 2)),
    { handshakeTimeout: 1_500 },
  );
  assertEquals(reason, "it did not finish the TLS handshake within handshakeTimeout (1500 ms)");
});

Deno.test("a peer that closes the connection early is reported", async () => {
  const reason = await refusal(async (_certificates, server) => {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    conn.close();
    return { [Symbol.asyncDispose]: () => Promise.resolve() };
  });
  assertEquals(reason, "it closed the connection before the TLS handshake was complete");
});

Deno.test("more unfinished handshakes than maxPendingHandshakes are cut, finished ones do not count", async () => {
  await using certificates = await Certificates.create();
  const tls = await certificates.node();
  await using server = await Server.start(network, { tls, maxPendingHandshakes: 3 });
  await assertServes(server, tls);
  const silent = [];
  for (let i = 0; i < 4; i++) silent.push(await rawPeer(server.port, new Uint8Array(0)));
  assertEquals(await server.refusal(), "maxPendingHandshakes (3) are unfinished already");
  assertEquals(server.refusals.length, 1);
  silent[0]!.closeWrite();
  await server.refusal(1);
  await assertServes(server, tls);
  await server.close();
  assertEquals(await server.refusal(3), "the listener was closed");
  for (const peer of silent) await peer[Symbol.asyncDispose]();
});

Deno.test("identities of nodes and clients differ", async () => {
  await using certificates = await Certificates.create();
  const node = await certificates.node({ name: "node-7", hosts: ["localhost", "10.0.0.7"] });
  const client = await certificates.client({ name: "reports" });
  await using server = await Server.start(network, { tls: node });
  const fromClient = await dial(network, server.port, { tls: client });
  const identity = fromClient.link.identity;
  assert(identity.kind === "node");
  assertEquals([identity.name, identity.hosts], ["node-7", ["localhost", "10.0.0.7"]]);
  assertMatch(identity.fingerprint, /^[0-9a-f]{64}$/);
  assert(identity.notAfter > systemClock.wallTime());
  const seen = (await server.end()).link.identity;
  assert(seen.kind === "client");
  assertEquals([seen.name, seen.hosts], ["reports", []]);
  const fromNode = await dial(network, server.port, { tls: node });
  assertEquals((await server.end(1)).link.identity.kind, "node");
  for (const end of [fromClient, fromNode]) {
    end.link.destroy();
    await end.ended();
  }
});

Deno.test("authorize rejects a peer that is good otherwise, by its URI and domain, whatever it throws", async () => {
  await using certificates = await Certificates.create();
  const node = await certificates.node({ name: "node-7" });
  const client = await certificates.client({ name: "reports" });
  const seen: unknown[] = [];
  const verdicts = [() => false, () => true, () => {
    throw new Error("a fault of the hook");
  }];
  const authorize = ({ kind, name, uri, trustDomain }: CertifiedIdentity) => {
    seen.push([kind, name, uri, trustDomain]);
    return verdicts[seen.length - 1]!();
  };
  await using server = await Server.start(network, { tls: { ...node, authorize } });
  for (const [index, isAccepted] of [false, true, false].entries()) {
    const end = await dial(network, server.port, { tls: client }).catch(() => undefined);
    if (isAccepted) await server.end();
    else await server.refusal(index / 2);
    end?.link.destroy();
  }
  const { uri, trustDomain } = await TlsConfig.fromPem(client);
  assertEquals(seen, Array.from({ length: 3 }, () => ["client", "reports", uri, trustDomain]));
  assert(uri !== undefined && trustDomain !== undefined);
  assertEquals([server.ends.length, server.refusals.length], [1, 2]);
});

Deno.test("the certificate must cover the host that was meant, not the one that was dialled", async () => {
  await using certificates = await Certificates.create();
  const tls = await certificates.node({ hosts: ["node-1.example", "10.0.0.1", "2001:db8::1"] });
  await using server = await Server.start(network, { tls });
  for (const serverName of ["NODE-1.example", "10.0.0.1", "2001:DB8:0::1"]) {
    const client = await dial(network, server.port, { tls, serverName });
    client.link.destroy();
    await client.ended();
  }
  for (const serverName of ["127.0.0.1", "localhost", "node-2.example", "10.0.0.11"]) {
    const error = await assertRejects(
      () => dial(network, server.port, { tls, serverName }),
      TransportError,
    );
    assertEquals(error.code, "wrongServerName");
    assertStringIncludes(error.message, `does not cover the host ${serverName}`);
    assertStringIncludes(error.message, "node-1.example, 10.0.0.1, 2001:db8::1");
  }
});

opensslTest(
  "a listener with an unacceptable certificate is refused and receives the reason",
  async () => {
    await using certificates = await Certificates.create();
    const tls = await certificates.node();
    const bad: [Pair, RegExp][] = [
      [await certificates.leaf({ issuer: await certificates.authority() }), /another authority of/],
      [await certificates.leaf({ validity: longAgo }), /expired on 2021-01-01/],
      [await certificates.leaf({ usages: "clientAuth" }), /lacks .* serverAuth/],
    ];
    for (const [pair, fault] of bad) {
      await using server = await Server.start(network, { tls: { ...pair, ca: tls.ca } });
      const error = await assertRejects(() => dial(network, server.port, { tls }), TransportError);
      assertEquals(error.code, "peerNotTrusted");
      assertMatch(error.message, /^the certificate of node node-1 /);
      assertMatch(error.message, fault);
      assertMatch(
        await server.refusal(),
        /rejected our certificate, that of node node-1|does not trust .* \(test authority\)/,
      );
    }
  },
);

opensslTest("a listener that is rejected again and again is looked at once a minute", async () => {
  await using certificates = await Certificates.create();
  const tls = await certificates.node();
  const foreign = await certificates.leaf({ issuer: await certificates.authority() });
  await using server = await Server.start(network, { tls: { ...foreign, ca: tls.ca } });
  const looking = new TlsNetwork();
  for (let i = 0; i < 3; i++) {
    const error = await assertRejects(() => dial(looking, server.port, { tls }), TransportError);
    assertMatch(error.message, /another authority of the same name/);
  }
  await server.refusal(3);
  const looks = server.refusals.filter(({ reason }) => reason.startsWith("it showed no certif"));
  assertEquals([server.refusals.length, looks.length], [4, 1]);
});

opensslTest("a client's certificate does not serve, even if it is made for servers", async () => {
  await using certificates = await Certificates.create();
  const tls = await certificates.node();
  const server = await certificates.leaf({ uri: "spiffe://casty/client/mallory" });
  await using listening = await Server.start(network, { tls: { ...server, ca: tls.ca } });
  const error = await assertRejects(() => dial(network, listening.port, { tls }), TransportError);
  assertEquals(error.code, "peerNotTrusted");
  assertStringIncludes(error.message, "client mallory");
});

opensslTest("an authority below a root of path length 0 is refused", async () => {
  await using certificates = await Certificates.create();
  const root = await certificates.authority({ constraints: "CA:TRUE,pathlen:0" });
  const below = await certificates.authority({ name: "below", issuer: root });
  const leaf = await certificates.leaf({ issuer: below });
  const direct = { ...await certificates.leaf({ issuer: root }), ca: root.cert };
  await using server = await Server.start(network, { tls: direct });
  const client = await dial(network, server.port, {
    tls: { cert: leaf.cert + below.cert, key: leaf.key, ca: root.cert },
  });
  assertStringIncludes(
    await server.refusal(),
    "allows 0 authorities below it but has 1 (path length)",
  );
  await client.ended();
  assertEquals(server.ends.length, 0);
});

opensslTest("a chain with an intermediate authority is accepted", async () => {
  await using certificates = await Certificates.create({ intermediates: true });
  const below = await certificates.authority({ name: "below", issuer: certificates.ca });
  const leaf = await certificates.leaf({ issuer: below });
  const tls = { cert: leaf.cert + below.cert, key: leaf.key, ca: certificates.ca.cert };
  await using server = await Server.start(network, { tls });
  await assertServes(server, tls);
});

Deno.test("dialling a silent port, a plain port and a closing port is a typed error", async () => {
  await using certificates = await Certificates.create();
  const tls = await certificates.node();
  await using plain = await Server.start(new TcpNetwork());
  const failing = async (prepare: () => void, timeout: number) => {
    const index = plain.ends.length;
    const dialled = assertRejects(
      () => dial(network, plain.port, { tls, timeout }),
      TransportError,
    );
    await plain.end(index);
    prepare();
    return (await dialled).code;
  };
  assertEquals(await failing(() => {}, 300), "connectTimeout");
  const greet = () =>
    plain.ends[1]!.link.write(new TextEncoder().encode("220 hello\r\n"), () => {});
  assertEquals(await failing(greet, 10_000), "notTls");
  assertEquals(await failing(() => plain.ends[2]!.link.close(), 10_000), "tlsHandshakeFailed");
});

Deno.test("unusable material is refused before a port is bound or a peer is dialled", async () => {
  await using certificates = await Certificates.create();
  const good = await certificates.node();
  const other = await certificates.leaf();
  const bad: TlsMaterial[] = [
    { ...good, key: other.key },
    { ...good, key: "" },
    { ...good, cert: "garbage" },
    { ...good, ca: "" },
    { ...good, ca: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" },
  ];
  for (const tls of bad) {
    const listening = await assertRejects(() => Server.start(network, { tls }), TransportError);
    const dialling = await assertRejects(() => dial(network, 1, { tls }), TransportError);
    assertEquals([listening.code, dialling.code], ["badTlsMaterial", "badTlsMaterial"]);
  }
});

Deno.test("no plain text of a message crosses the wire", async () => {
  await using certificates = await Certificates.create();
  const tls = await certificates.node();
  await using server = await Server.start(network, { tls });
  const tcp = new TcpNetwork();
  const wire: Uint8Array[] = [];
  await using proxy = await Server.start(tcp);
  const forwarded = (async () => {
    const near = await proxy.end();
    const far = await dial(tcp, server.port);
    // Chunks wait in a queue, since a link takes one write at a time.
    for (const [from, to] of [[near, far], [far, near]] as const) {
      const queue: Uint8Array[] = [...from.chunks];
      let writing = false;
      const pump = () => {
        const chunk = queue.shift();
        writing = chunk !== undefined;
        if (chunk !== undefined) to.link.write(chunk, pump);
      };
      from.link.onData = (chunk) => {
        wire.push(chunk.slice());
        queue.push(chunk.slice());
        if (!writing) pump();
      };
      from.link.onClose = () => to.link.destroy();
      pump();
    }
    return far;
  })();
  const client = await dial(network, proxy.port, { tls });
  const secret = "correct horse battery staple ".repeat(40);
  await client.send(secret);
  assertEquals(await (await server.end()).text(secret.length), secret);
  const seen = new TextDecoder("latin1").decode(await new Blob(wire as BlobPart[]).arrayBuffer());
  assert(seen.length > secret.length);
  assert(!seen.includes("horse"));
  client.link.destroy();
  await client.ended();
  (await forwarded).link.destroy();
});

opensslTest("a peer that is killed ends its link", async () => {
  await using certificates = await Certificates.create();
  const tls = await certificates.node();
  await using server = await Server.start(network, { tls });
  {
    await using peer = await OpensslClient.connect(certificates, server.port, tls);
    const end = await server.end();
    await end.send("hello");
    assertEquals(end.closed, 0);
    await peer[Symbol.asyncDispose]();
    await end.ended();
    assertEquals(end.closed, 1);
  }
  await assertServes(server, tls);
});
