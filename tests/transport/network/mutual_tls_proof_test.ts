import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { TransportError } from "../../../lib/transport/base/errors.ts";
import { listenWithProof, proveMutualTls } from "../../../lib/transport/tls/mutual_tls_proof.ts";
import { TlsNetwork } from "../../../lib/transport/tls/tls_network.ts";
import type { Link } from "../../../lib/runtime/network.ts";
import { Certificates } from "./certificates.ts";
import { dial, Server } from "./links.ts";
import { opensslTest } from "../../openssl.ts";

/** A listener of the kind that must never be used: it lets everyone in. */
function openListener(
  tls: { cert: string; key: string },
  serve: (conn: Deno.TlsConn) => Promise<void>,
): { port: number; remotes: string[]; close: () => Promise<void> } {
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...tls });
  const remotes: string[] = [];
  const conns: Deno.TlsConn[] = [];
  const stopped = (async () => {
    for await (const conn of listener) {
      conns.push(conn);
      const { hostname, port } = conn.remoteAddr as Deno.NetAddr;
      remotes.push(`${hostname}:${port}`);
      await conn.handshake();
      await serve(conn);
    }
  })();
  return {
    port: (listener.addr as Deno.NetAddr).port,
    remotes,
    close: async () => {
      listener.close();
      await stopped;
      for (const conn of conns) conn.close();
    },
  };
}

async function proofFails(
  tls: { cert: string; key: string; ca: string },
  serve: (conn: Deno.TlsConn) => Promise<void>,
): Promise<TransportError> {
  const listener = openListener(tls, serve);
  const error = await assertRejects(() =>
    proveMutualTls({
      host: "127.0.0.1",
      port: listener.port,
      tls,
      timeout: 500,
      admitted: (remote) => listener.remotes.includes(remote),
    }), TransportError);
  await listener.close();
  return error;
}

Deno.test("a listener that verifies its peers passes the proof, whatever host it names", async () => {
  await using certificates = await Certificates.create();
  const tls = await certificates.node({ hosts: ["somewhere.example"] });
  await using server = await Server.start(new TlsNetwork(), { tls });
  const admitted = (remote: string) => server.ends.some(({ link }) => link.remote === remote);
  await proveMutualTls({ host: "127.0.0.1", port: server.port, tls, timeout: 5_000, admitted });
  assertEquals(
    await server.refusal(),
    "it showed no certificate (nodes that have rejected ours dial so once a minute, to see why)",
  );
});

Deno.test("the proof fails against Deno.listenTls, which accepts every peer", async () => {
  await using certificates = await Certificates.create();
  const tls = await certificates.node();
  const behaviours = {
    silent: () => Promise.resolve(),
    greeting: async (conn: Deno.TlsConn) => void await conn.write(new Uint8Array(9)),
    closing: async (conn: Deno.TlsConn) => await conn.closeWrite(),
  };
  for (const serve of Object.values(behaviours)) {
    const error = await proofFails(tls, serve);
    assertEquals(error.code, "clientsNotVerified");
    assertStringIncludes(error.message, "this node will not start");
  }
});

opensslTest("a listener whose own certificate is not trusted proves nothing", async () => {
  await using certificates = await Certificates.create();
  const tls = { ...await certificates.node(), ca: (await certificates.authority()).cert };
  await using server = await Server.start(new TlsNetwork(), { tls });
  const admitted = () => false;
  const error = await assertRejects(
    () => proveMutualTls({ host: "127.0.0.1", port: server.port, tls, timeout: 5_000, admitted }),
    TransportError,
  );
  assertEquals(error.code, "badTlsMaterial");
});

Deno.test("a proof without a listener is a failed connection", async () => {
  await using certificates = await Certificates.create();
  const tls = await certificates.node();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const admitted = () => false;
  const error = await assertRejects(
    () => proveMutualTls({ host: "127.0.0.1", port, tls, timeout: 5_000, admitted }),
    TransportError,
  );
  assertEquals(error.code, "connectionRefused");
});

Deno.test("a proved listener serves real peers and shows nothing of the probe", async () => {
  await using certificates = await Certificates.create();
  const tls = await certificates.node();
  for (const host of ["127.0.0.1", "0.0.0.0"]) {
    const { promise: linked, resolve: onLink } = Promise.withResolvers<Link>();
    const refused: string[] = [];
    const network = new TlsNetwork();
    const listener = await listenWithProof(network, {
      host,
      port: 0,
      tls,
      handshakeTimeout: 5_000,
      maxPendingHandshakes: 8,
      onLink,
      onRefused: (_remote, reason) => void refused.push(reason),
    });
    const client = await dial(network, listener.port, { tls });
    (await linked).destroy();
    client.link.destroy();
    await client.ended();
    await listener.close();
    assertEquals(refused, []);
  }
});

Deno.test("a network that admits the probe cannot listen with proof", async () => {
  await using certificates = await Certificates.create();
  const tls = await certificates.node();
  const open = openListener(tls, () => Promise.resolve());
  let closed = 0;
  const listening = listenWithProof({
    listen: () => Promise.resolve({ port: open.port, close: () => Promise.resolve(void closed++) }),
    dial: () => Promise.reject(new Error("not used")),
  }, {
    host: "127.0.0.1",
    port: 0,
    tls,
    handshakeTimeout: 0,
    maxPendingHandshakes: 8,
    onLink: () => {},
    onRefused: () => {},
  });
  const error = await assertRejects(() => listening, TransportError);
  assertEquals([error.code as string, closed], ["clientsNotVerified", 1]);
  await open.close();
});
