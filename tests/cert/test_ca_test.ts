import { assert, assertEquals, assertRejects } from "@std/assert";
import { readCertificate } from "../../lib/cert/authority/certificate_info.ts";
import { readRevocationList } from "../../lib/cert/authority/revocation_info.ts";
import { testCa } from "../../lib/cert/authority/test_ca.ts";
import { verify } from "../../lib/cert/authority/verification.ts";
import { TlsConfig } from "../../lib/transport/tls/tls_config.ts";

Deno.test("testCa issues what nodes and clients take, for this machine and one hour", async () => {
  const ca = await testCa();
  const [node, client] = [await ca.issueNode(), await ca.issueClient()];
  const configs = [await TlsConfig.fromPem(node.tls), await TlsConfig.fromPem(client.tls)];
  assertEquals(configs.map(({ kind, name }) => [kind, name]), [
    ["node", "localhost"],
    ["client", "client"],
  ]);
  for (const host of ["localhost", "127.0.0.1", "::1"]) {
    assertEquals((await verify(node.cert, { ca: ca.cert, host, key: node.key })).failures, []);
  }
  const { notAfter } = await readCertificate(ca.cert);
  const minutes = (notAfter.getTime() - Date.now()) / 60_000;
  assert(minutes > 58 && minutes <= 60, `${minutes}`);
});

Deno.test("names, types of key and validity can be chosen", async () => {
  const ca = await testCa({ commonName: "shop-ca", keyType: "ed25519", validity: "2h" });
  const node = await readCertificate((await ca.issueNode("a", "b")).cert);
  assertEquals(node.names, ["a", "b", "spiffe://shop-ca/node/a"]);
  assertEquals(node.keyType, "ed25519");
  const client = await readCertificate((await ca.issueClient("shop")).cert);
  assertEquals([client.commonName, client.keyType], ["shop", "ed25519"]);
  const { notAfter } = await readCertificate(ca.cert);
  assert(notAfter.getTime() - Date.now() > 3_600_000);
  await assertRejects(() => testCa({ validity: "0d" }));
});

Deno.test("its lists name all that was revoked", async () => {
  const ca = await testCa();
  const [a, b] = [await ca.issueClient("a"), await ca.issueClient("b")];
  assertEquals(readRevocationList(await ca.revoke()).revocations, []);
  await ca.revoke(a);
  const crl = await ca.revoke(b);
  assertEquals(readRevocationList(crl).revocations.length, 2);
  for (const { cert } of [a, b]) {
    const { failures } = await verify(cert, { ca: ca.cert, crl });
    assertEquals(failures.map(({ rule }) => rule), ["revocation"]);
  }
});

Deno.test("its files are those that TlsConfig takes, and are gone afterwards", async () => {
  const ca = await testCa();
  const node = await ca.issueNode();
  let directory: string;
  {
    await using files = await node.files();
    ({ directory } = files);
    const { kind } = await TlsConfig.fromPaths(files);
    assertEquals(kind, "node");
    if (Deno.build.os !== "windows") {
      assertEquals((await Deno.stat(files.keyFile)).mode! & 0o777, 0o600);
    }
  }
  await assertRejects(() => Deno.stat(directory), Deno.errors.NotFound);
});
