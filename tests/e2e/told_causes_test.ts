/**
 * What both ends say when a connection cannot be made as things are configured, over real sockets: each
 * names the true cause, from its own view, at once.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ClusteredActorSystem, silentLogger } from "@casty/casty";
import { createCa, issueClient, issueNode, testCa } from "@casty/casty/cert";
import { ClusterClient } from "@casty/casty/client";
import type { CastyError } from "@casty/casty";
import type { TlsMaterial } from "@casty/casty/runtime";
import { Lines } from "./lines.ts";

/** Two authorities of one trust domain: each could have issued for the cluster. */
async function authorities() {
  const ours = await createCa({ clusterName: "shop", commonName: "our-ca" });
  const other = await createCa({ clusterName: "shop", commonName: "other-ca" });
  const hosts = ["127.0.0.1"];
  const material = async (ca: typeof ours, trusted: string, client = false) => {
    const { cert, key } = client
      ? await issueClient(ca, { name: "till" })
      : await issueNode(ca, { hosts });
    return { cert, key, ca: trusted };
  };
  return { ours, other, material };
}

async function start(
  tls: TlsMaterial | undefined,
  lines: Lines,
  more: Partial<Parameters<typeof ClusteredActorSystem.start>[0]> = {},
): Promise<ClusteredActorSystem> {
  return await ClusteredActorSystem.start({
    name: "shop",
    host: "127.0.0.1",
    port: 0,
    logger: lines,
    ...(tls && { tls }),
    ...more,
  });
}

/** The error of a client, and of a node whose only seed is the address; each long before its timeout. */
async function errors(
  address: string,
  { client, node }: { client?: TlsMaterial; node?: TlsMaterial },
): Promise<{ client: CastyError; node: CastyError }> {
  const began = performance.now();
  const options = { systemName: "shop", logger: silentLogger };
  const ofClient = await assertRejects(async () => {
    const tls = client && { tls: client };
    return await ClusterClient.connect({ contactPoints: [address], ...options, ...tls });
  }) as CastyError;
  const ofNode = await assertRejects(async () => {
    return await start(node, new Lines(), { seedNodes: [address], requiredQuorum: 2 });
  }) as CastyError;
  assert(performance.now() - began < 9_000, "before the timeouts of 10 and 60 s");
  assertEquals([ofClient.code, ofNode.code], ["contactsUnusable", "seedsUnusable"]);
  return { client: ofClient, node: ofNode };
}

function assertTold(
  { client, node }: { client: CastyError; node: CastyError },
  text: RegExp,
): void {
  assert(text.test(client.message), client.message);
  assert(text.test(node.message), node.message);
}

Deno.test("a peer of an authority that is not trusted is told, with both authorities, at both ends", async () => {
  const { ours, other, material } = await authorities();
  const lines = new Lines();
  await using running = await start(await material(ours, ours.cert), lines);
  const own = {
    client: await material(other, other.cert, true),
    node: await material(other, other.cert),
  };
  const told = await errors(running.address, own);
  assertTold(
    told,
    /node 127\.0\.0\.1 does not chain .*its issuer \(our-ca\) is not .*\(other-ca\)/,
  );
  await lines.seen(/rejected our certificate, that of node .* does not trust .*\(our-ca\)/);
});

Deno.test("an end whose own certificate is not trusted is told so, by the peer's judge", async () => {
  const { ours, other, material } = await authorities();
  const lines = new Lines();
  await using running = await start(await material(ours, ours.cert), lines);
  const own = {
    client: await material(other, ours.cert, true),
    node: await material(other, ours.cert + other.cert),
  };
  const told = await errors(running.address, own);
  assertTold(
    told,
    /the peer rejected our certificate: .*its issuer \(other-ca\) is not among .*\(our-ca\)/,
  );
  await lines.seen(/connection rejected .*client till .*its issuer \(other-ca\) is not among/);
});

Deno.test("a policy that says no to a node is told to that node, with its reason", async () => {
  const ca = await testCa();
  const lines = new Lines();
  await using running = await start((await ca.issueNode()).tls, lines);
  const authorize = () => "closed on Sundays";
  const told = await errors(running.address, {
    client: { ...(await ca.issueClient()).tls, authorize },
    node: { ...(await ca.issueNode()).tls, authorize },
  });
  assertTold(told, /is not authorised: closed on Sundays/);
  await lines.seen(/connection rejected .*the peer rejected our certificate: .*closed on Sundays/);
});

Deno.test("a host that the certificate does not cover is told to the node that shows it", async () => {
  const ca = await testCa();
  const lines = new Lines();
  const tls = (await ca.issueNode("db-1")).tls;
  await using running = await start(tls, lines, { host: "db-1", bindHost: "127.0.0.1" });
  const port = running.address.split(":")[1];
  const own = { client: (await ca.issueClient()).tls, node: (await ca.issueNode()).tls };
  assertTold(
    await errors(`127.0.0.1:${port}`, own),
    /the certificate of 127\.0\.0\.1:\d+ does not cover the host 127\.0\.0\.1 but db-1/,
  );
  await lines.seen(/the peer rejected our certificate: .*does not cover the host 127\.0\.0\.1/);
});

Deno.test("TLS at one end only is told at both", async () => {
  const ca = await testCa();
  const own = { client: (await ca.issueClient()).tls, node: (await ca.issueNode()).tls };
  const plainLines = new Lines();
  await using plain = await start(undefined, plainLines);
  assertTold(await errors(plain.address, own), /does not speak TLS; .* has the option tls/);
  await plainLines.seen(
    /connection rejected .*the other end speaks TLS, and this one has no option/,
  );
  const tlsLines = new Lines();
  await using secure = await start((await ca.issueNode()).tls, tlsLines);
  assertTold(
    await errors(secure.address, {}),
    /the other end speaks TLS, and this one has no option/,
  );
  await tlsLines.seen(/connection rejected .*it does not speak TLS/);
});

Deno.test("something else than a node is told as what it is", async () => {
  await using http = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () => new Response(),
  );
  const address = `127.0.0.1:${(http.addr as Deno.NetAddr).port}`;
  assertTold(await errors(address, {}), /the other end speaks HTTP: it is no node/);
  const ca = await testCa();
  const own = { client: (await ca.issueClient()).tls, node: (await ca.issueNode()).tls };
  assertTold(await errors(address, own), /does not speak TLS; check the port/);
});
