import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Workspace } from "./workspace.ts";
import { opensslTest } from "../openssl.ts";

async function issued(): Promise<Workspace> {
  const work = await Workspace.create();
  await work.ok("create-ca", "--out", "@.");
  const hosts = ["node-1", "10.0.1.10", "*.example.com", "2001:db8::7", "bücher.example"];
  await work.ok("create-node", ...hosts, "--ca-dir", "@.", "--out", "@.");
  await work.ok("create-client", "reports", "--ca-dir", "@.", "--out", "@.");
  return work;
}

async function text(work: Workspace, name: string): Promise<string> {
  return (await work.openssl("x509", "-in", `@${name}`, "-noout", "-text")).text;
}

/** The value of an extension, as openssl shows it. */
function extension(text: string, name: string): string {
  return new RegExp(`X509v3 ${name}:(.*\\n.*)\\n`).exec(text)?.[1]?.replace(/\s+/g, " ").trim() ??
    "absent";
}

opensslTest("openssl accepts what the authority issues, each class for its purpose", async () => {
  await using work = await issued();
  const verify = async (file: string, ...more: string[]) =>
    (await work.openssl("verify", "-x509_strict", "-CAfile", "@ca.crt", ...more, `@${file}`))
      .success;
  assert(await verify("node.crt"));
  assert(await verify("client.crt"));
  assert(await verify("node.crt", "-purpose", "sslserver"));
  assert(await verify("node.crt", "-purpose", "sslclient"));
  assert(await verify("client.crt", "-purpose", "sslclient"));
  assertEquals(await verify("client.crt", "-purpose", "sslserver"), false);
});

opensslTest("openssl finds each host in the certificate, and no other", async () => {
  await using work = await issued();
  const covers = async (...option: string[]) =>
    (await work.openssl("verify", "-CAfile", "@ca.crt", ...option, "@node.crt")).success;
  assert(await covers("-verify_hostname", "node-1"));
  assert(await covers("-verify_hostname", "a.example.com"));
  assert(await covers("-verify_hostname", "xn--bcher-kva.example"));
  assert(await covers("-verify_ip", "10.0.1.10"));
  assert(await covers("-verify_ip", "2001:db8::7"));
  assertEquals(await covers("-verify_hostname", "node-2"), false);
  assertEquals(await covers("-verify_ip", "10.0.1.11"), false);
});

opensslTest("the authority may sign leaves and revocation lists only", async () => {
  await using work = await issued();
  const ca = await text(work, "ca.crt");
  assertEquals(extension(ca, "Basic Constraints"), "critical CA:TRUE, pathlen:0");
  assertEquals(extension(ca, "Key Usage"), "critical Certificate Sign, CRL Sign");
  assertEquals(extension(ca, "Extended Key Usage"), "absent");
  assertEquals(extension(ca, "Subject Alternative Name"), "absent");
  assertStringIncludes(ca, "ASN1 OID: prime256v1");
  assertStringIncludes(ca, "Signature Algorithm: ecdsa-with-SHA256");
});

opensslTest("leaves carry their names and usages, and no others", async () => {
  await using work = await issued();
  const [node, client] = [await text(work, "node.crt"), await text(work, "client.crt")];
  for (const leaf of [node, client]) {
    assertEquals(extension(leaf, "Basic Constraints"), "critical CA:FALSE");
    assertEquals(extension(leaf, "Key Usage"), "critical Digital Signature");
    assertStringIncludes(leaf, "ASN1 OID: prime256v1");
  }
  const server = "TLS Web Server Authentication";
  const user = "TLS Web Client Authentication";
  assertEquals(extension(node, "Extended Key Usage"), `${server}, ${user}`);
  assertEquals(extension(client, "Extended Key Usage"), user);
  assertEquals(
    extension(node, "Subject Alternative Name"),
    "DNS:node-1, IP Address:10.0.1.10, DNS:*.example.com, IP Address:2001:DB8:0:0:0:0:0:7, " +
      "DNS:xn--bcher-kva.example, URI:spiffe://casty-ca/node/node-1",
  );
  assertEquals(
    extension(client, "Subject Alternative Name"),
    "URI:spiffe://casty-ca/client/reports",
  );
});

opensslTest("key identifiers link the leaves to the authority", async () => {
  await using work = await issued();
  const [ca, node, client] = await Promise.all(
    ["ca.crt", "node.crt", "client.crt"].map((file) => text(work, file)),
  );
  const own = (text: string | undefined) => extension(text!, "Subject Key Identifier");
  const issuer = (text: string | undefined) =>
    extension(text!, "Authority Key Identifier").replace("keyid:", "");
  assertMatch(own(ca), /^([0-9A-F]{2}:){19}[0-9A-F]{2}$/);
  assertEquals(issuer(node), own(ca));
  assertEquals(issuer(client), own(ca));
  assertEquals(new Set([own(ca), own(node), own(client)]).size, 3);
});

opensslTest("serial numbers are positive, long and never the same", async () => {
  await using work = await issued();
  const serials = new Set<string>();
  for (const file of ["ca.crt", "node.crt", "client.crt"]) {
    const { text } = await work.openssl("x509", "-in", `@${file}`, "-noout", "-serial");
    const serial = /serial=([0-9A-F]+)/.exec(text)![1]!;
    assert(serial.length >= 32 && serial.length <= 40, serial);
    assert(parseInt(serial.slice(0, 2), 16) < 0x80 || serial.length < 40, serial);
    serials.add(serial);
  }
  assertEquals(serials.size, 3);
});

opensslTest("a certificate is good at once where a clock is up to five minutes late", async () => {
  await using work = await issued();
  const late = Math.floor(Date.now() / 1_000) - 280;
  const at = ["-attime", String(late)];
  const { success, text } = await work.openssl("verify", "-CAfile", "@ca.crt", ...at, "@node.crt");
  assert(success, text);
});

opensslTest("openssl reads the keys, and they fit their certificates", async () => {
  await using work = await issued();
  for (const name of ["ca", "node", "client"]) {
    const key = await work.openssl("pkey", "-in", `@${name}.key`, "-pubout");
    const cert = await work.openssl("x509", "-in", `@${name}.crt`, "-noout", "-pubkey");
    assertStringIncludes(cert.text, "BEGIN PUBLIC KEY");
    assertEquals(key.text, cert.text);
  }
});
