import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  type CertificateInfo,
  readCertificate,
} from "../../lib/cert/authority/certificate_info.ts";
import { TlsConfig } from "../../lib/transport/tls/tls_config.ts";
import { opensslTest } from "../openssl.ts";
import { Workspace } from "./workspace.ts";

const toCa = ["--ca-dir", "@ca"];
const renewNode = ["renew", "@node/node.crt", ...toCa];

async function filled(...options: readonly string[]): Promise<Workspace> {
  const work = await Workspace.create();
  await work.ok("create-ca", "--out", "@ca", ...options);
  const hosts = ["node-1", "10.0.0.1", "::1"];
  const more = ["--validity", "10d", ...options];
  await work.ok("create-node", ...hosts, ...toCa, "--out", "@node", "--cn", "one", ...more);
  await work.ok("create-client", "shop", ...toCa, "--out", "@client", ...options);
  return work;
}

function info(work: Workspace, file: string): Promise<CertificateInfo> {
  return Deno.readTextFile(work.path(file)).then(readCertificate);
}

/** What must stay. */
function lasting(info: CertificateInfo): unknown {
  const { commonName, issuer, names, keyUsages, purposes, role, keyType } = info;
  return { commonName, issuer, names, keyUsages, purposes, role, keyType };
}

opensslTest("renew reissues the same certificate with a new key", async () => {
  await using work = await filled();
  for (const name of ["node/node", "client/client"]) {
    const [before, files] = [await info(work, `${name}.crt`), await work.files()];
    const output = await work.ok("renew", `@${name}.crt`, ...toCa);
    const after = await info(work, `${name}.crt`);
    assertEquals(lasting(after), lasting(before));
    assert(after.serial !== before.serial);
    const life = ({ notBefore, notAfter }: CertificateInfo) =>
      Math.round((notAfter.getTime() - notBefore.getTime()) / 60_000);
    assertEquals(life(after), life(before));
    const written = await work.files();
    assertEquals(Object.keys(written), Object.keys(files));
    assert(written[`${name}.key`] !== files[`${name}.key`]);
    assertEquals((await Deno.stat(work.path(`${name}.key`))).mode! & 0o777, 0o600);
    assertStringIncludes(output, `certificate: ${work.path(`${name}.crt`)}\n`);
    assertMatch(output, /Valid until: \d{4}-\d\d-\d\d \d\d:\d\d UTC\n/);
    assertMatch(output, /^Next: .*verify /m);
    const verify = ["verify", "-x509_strict", "-CAfile", "@ca/ca.crt", `@${name}.crt`];
    const { success, text } = await work.openssl(...verify);
    assert(success, text);
    const [certFile, keyFile] = [work.path(`${name}.crt`), work.path(`${name}.key`)];
    await TlsConfig.fromPaths({ certFile, keyFile, caFile: work.path("ca/ca.crt") });
  }
});

Deno.test("the key can be kept, or be of another type, and the validity another one", async () => {
  await using work = await filled();
  const key = await Deno.readTextFile(work.path("node/node.key"));
  await work.ok(...renewNode, "--keep-key", "--validity", "20d");
  assertEquals(await Deno.readTextFile(work.path("node/node.key")), key);
  const left = (await info(work, "node/node.crt")).notAfter.getTime() - Date.now();
  assertEquals(Math.round(left / 86_400_000), 20);
  await work.ok(...renewNode, "--key-type", "ed25519");
  assertEquals((await info(work, "node/node.crt")).keyType, "ed25519");
  await work.ok(...renewNode);
  assertEquals((await info(work, "node/node.crt")).keyType, "ed25519");
});

Deno.test("renew --out leaves the old pair alone, and overwrites only with --force", async () => {
  await using work = await filled();
  const before = await work.files("node");
  await work.ok(...renewNode, "--out", "@new");
  assertEquals(await work.files("node"), before);
  assertEquals(Object.keys(await work.files("new")).sort(), ["new/node.crt", "new/node.key"]);
  await work.refuses(/already exist/, ...renewNode, "--out", "@new");
  await work.ok(...renewNode, "--out", "@new", "--force");
});

Deno.test("renew for programs, and as a dry run", async () => {
  await using work = await filled();
  const text = await work.dry(...renewNode);
  assertStringIncludes(text, `Would write ${work.path("node/node.crt")} and `);
  assertStringIncludes(text, "DNS:node-1, IP:10.0.0.1, IP:::1");
  assertEquals(JSON.parse(await work.dry(...renewNode, "--json")).written, false);
  const json = await work.json(...renewNode);
  assertEquals([json.written, json.certFile], [true, work.path("node/node.crt")]);
  assertEquals(json.certificate.serial, (await info(work, "node/node.crt")).serial);
});

opensslTest("a certificate that has expired can be renewed", async () => {
  await using work = await filled();
  await work.openssl("req", "-new", "-key", "@node/node.key", "-subj", "/CN=a", "-out", "@a.csr");
  const dates = ["-days", "-1"];
  const san = "subjectAltName=DNS:a,URI:spiffe://casty-ca/node/a\nextendedKeyUsage=clientAuth\n";
  await work.write("ext.cnf", `${san}basicConstraints=critical,CA:FALSE\n`);
  const sign = ["-CA", "@ca/ca.crt", "-CAkey", "@ca/ca.key", "-extfile", "@ext.cnf", ...dates];
  await work.openssl("x509", "-req", "-in", "@a.csr", ...sign, "-out", "@node/node.crt");
  assertEquals((await work.cert("needs-renewal", "@node/node.crt")).exitCode, 0);
  await work.ok(...renewNode, "--validity", "5d");
  const { success, text } = await work.openssl("verify", "-CAfile", "@ca/ca.crt", "@node/node.crt");
  assert(success, text);
  const { notAfter, names } = await info(work, "node/node.crt");
  assert(notAfter.getTime() > Date.now());
  assertEquals(names, ["a", "spiffe://casty-ca/node/a"]);
});

Deno.test("what must not be renewed is refused in one line", async () => {
  await using work = await filled();
  await work.ok("create-ca", "--out", "@other");
  await work.write("garbage.crt", "garbage\n");
  await work.refuses(
    /another authority has issued/,
    "renew",
    "@node/node.crt",
    "--ca-dir",
    "@other",
  );
  await work.refuses(
    /CA files not found in .*none/,
    "renew",
    "@node/node.crt",
    "--ca-dir",
    "@none",
  );
  await work.refuses(/that of an authority.*rotate-ca/, "renew", "@ca/ca.crt", ...toCa);
  await work.refuses(/certificate not found: .*none\.crt/, "renew", "@none.crt", ...toCa);
  await work.refuses(/garbage\.crt: there is no readable PEM/, "renew", "@garbage.crt", ...toCa);
  await work.refuses(/would outlive its authority/, ...renewNode, "--validity", "400d");
  await work.refuses(/validity of -1 days is not possible/, ...renewNode, "--validity=-1");
  await work.refuses(/revocation list not found/, ...renewNode, "--crl", "@none");
  await work.refuses(/garbage\.crt: .*"X509 CRL"/, ...renewNode, "--crl", "@garbage.crt");
  await Deno.copyFile(work.path("client/client.key"), work.path("node/node.key"));
  await work.refuses(/key does not belong to the certificate/, ...renewNode, "--keep-key");
  await Deno.remove(work.path("node/node.key"));
  await work.refuses(/key not found: .*node\.key/, ...renewNode, "--keep-key");
  await work.ok("revoke", "@node/node.crt", ...toCa);
  await work.refuses(/was revoked on .*create-node/, ...renewNode);
});

Deno.test("renew asks for the passphrase of the authority, and says when it is wrong", async () => {
  await using work = await Workspace.create();
  const secret = ["--passphrase-env", "S"];
  work.env["S"] = "s3cret";
  await work.ok("create-ca", "--out", "@ca", ...secret);
  await work.ok("create-node", "a", ...toCa, "--out", "@node", ...secret);
  await work.ok(...renewNode, ...secret);
  work.typed = ["s3cret", "wrong"];
  await work.ok(...renewNode);
  await work.refuses(/ca\.key: the passphrase does not open/, ...renewNode);
});

Deno.test("wrong use of renew is answered with its usage", async () => {
  await using work = await filled();
  await work.misused(/--ca-dir is missing/, "renew", "@node/node.crt");
  await work.misused(/expected one certificate, got 0/, "renew", ...toCa);
  await work.misused(/node\.pem does not end with \.crt/, "renew", "@node.pem", ...toCa);
  await work.misused(
    /--key-type makes a new key/,
    ...renewNode,
    "--keep-key",
    "--key-type",
    "p256",
  );
  await work.misused(/--validity soon is not a time/, ...renewNode, "--validity", "soon");
  await work.misused(/unknown option: --days/, ...renewNode, "--days", "3");
});
