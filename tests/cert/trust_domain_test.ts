import { assertEquals, assertStringIncludes } from "@std/assert";
import { readCertificate } from "../../lib/cert/authority/certificate_info.ts";
import { beginRotation, signRotation } from "../../lib/cert/rotation/rotation.ts";
import { TlsConfig } from "../../lib/transport/tls/tls_config.ts";
import { Workspace } from "./workspace.ts";

async function uris(work: Workspace, file: string): Promise<string[]> {
  return [...(await readCertificate(await Deno.readTextFile(work.path(file)))).uris];
}

Deno.test("init puts the cluster's name into the trust domain of all that it makes", async () => {
  await using work = await Workspace.create();
  await work.ok(
    "init",
    "--out",
    "@certs",
    "--cluster",
    "Shop 1",
    "--nodes",
    "1",
    "--client",
    "till",
  );
  assertEquals(await uris(work, "certs/ca/ca.crt"), ["spiffe://shop-1"]);
  assertEquals(await uris(work, "certs/node-1/node.crt"), ["spiffe://shop-1/node/node-1"]);
  assertEquals(await uris(work, "certs/till/client.crt"), ["spiffe://shop-1/client/till"]);
  assertStringIncludes(await work.ok("info", "@certs/ca/ca.crt"), "CN=shop-1-ca");
  const [certFile, keyFile] = [
    work.path("certs/node-1/node.crt"),
    work.path("certs/node-1/node.key"),
  ];
  const tls = await TlsConfig.fromPaths({
    certFile,
    keyFile,
    caFile: work.path("certs/ca/ca.crt"),
  });
  assertEquals([tls.trustDomain, tls.uri], ["shop-1", "spiffe://shop-1/node/node-1"]);
});

Deno.test("without the cluster's name the domain is made of the authority's common name", async () => {
  await using work = await Workspace.create();
  await work.ok("create-ca", "--out", "@ca");
  await work.ok("create-node", "a", "--ca-dir", "@ca", "--out", "@a");
  assertEquals(await uris(work, "a/node.crt"), ["spiffe://casty-ca/node/a"]);
  // One authority, several clusters.
  await work.ok("create-node", "a", "--ca-dir", "@ca", "--out", "@b", "--cluster", "staging");
  await work.ok("create-client", "c", "--ca-dir", "@ca", "--out", "@c", "--cluster", "staging");
  assertEquals(await uris(work, "b/node.crt"), ["spiffe://staging/node/a"]);
  assertEquals(await uris(work, "c/client.crt"), ["spiffe://staging/client/c"]);
});

Deno.test("a name that leaves nothing of a domain is refused", async () => {
  await using work = await Workspace.create();
  const { exitCode, stderr } = await work.cert("create-ca", "--out", "@ca", "--cluster", "---");
  assertEquals(exitCode, 1);
  assertStringIncludes(stderr, '"---" cannot be a trust domain');
});

Deno.test("a rotation keeps the trust domain, named or made of the common name", async () => {
  for (const [options, domain] of [[["--cluster", "shop"], "shop"], [[], "casty-ca"]] as const) {
    await using work = await Workspace.create();
    await work.ok("init", "--out", "@certs", "--nodes", "1", ...options);
    await beginRotation(work.path("certs"), {});
    assertEquals(await uris(work, "certs/ca/next/ca.crt"), [`spiffe://${domain}`]);
    await signRotation(work.path("certs"), {});
    assertEquals(await uris(work, "certs/node-1/node.crt"), [`spiffe://${domain}/node/node-1`]);
    // What is issued after the rotation, as well.
    await work.ok("create-node", "b", "--ca-dir", "@certs/ca", "--out", "@b");
    assertEquals(await uris(work, "b/node.crt"), [`spiffe://${domain}/node/b`]);
  }
});
