import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { TlsConfigError } from "../../../lib/transport/base/errors.ts";
import { TlsConfig, type TlsPaths } from "../../../lib/transport/tls/tls_config.ts";
import { Certificates, farAhead, longAgo, type Pair } from "./certificates.ts";
import { opensslTest } from "../../openssl.ts";

async function paths(certificates: Certificates, pair: Pair): Promise<TlsPaths> {
  return {
    certFile: await certificates.file(pair.cert, 0o644),
    keyFile: await certificates.file(pair.key),
    caFile: await certificates.file(certificates.ca.cert, 0o644),
  };
}

async function refused(paths: TlsPaths): Promise<TlsConfigError> {
  const error = await assertRejects(() => TlsConfig.fromPaths(paths), TlsConfigError);
  assert(error.remedy !== undefined, "an error tells what to do");
  return error;
}

Deno.test("a node's files are loaded and tell whose they are", async () => {
  await using certificates = await Certificates.create();
  const hosts = ["node-7", "10.0.0.7", "2001:db8::7"];
  const pair = await certificates.leaf({ name: "node-7", hosts });
  const config = await TlsConfig.fromPaths(await paths(certificates, pair));
  assertEquals(config.kind, "node");
  assertEquals(config.name, "node-7");
  assertEquals(config.hosts, hosts);
  assert(config.notAfter > Date.now());
});

Deno.test("a client's texts are loaded", async () => {
  await using certificates = await Certificates.create();
  const config = await TlsConfig.fromPem(await certificates.client({ name: "reports" }));
  assertEquals([config.kind, config.name], ["client", "reports"]);
});

opensslTest("the key may stand in the certificate's file, below an intermediate", async () => {
  await using certificates = await Certificates.create({ intermediates: true });
  const below = await certificates.authority({ name: "below", issuer: certificates.ca });
  const leaf = await certificates.leaf({ issuer: below });
  const config = await TlsConfig.fromPaths({
    certFile: await certificates.file(leaf.cert + leaf.key + below.cert),
    caFile: await certificates.file(certificates.ca.cert),
  });
  assertEquals(config.name, "node-1");
  assertEquals(config.cert.match(/BEGIN CERTIFICATE/g)?.length, 2);
  assert(!config.cert.includes("PRIVATE"));
});

Deno.test("a missing file, a folder and an empty file are named", async () => {
  await using certificates = await Certificates.create();
  const good = await paths(certificates, await certificates.leaf());
  for (const option of ["certFile", "keyFile", "caFile"] as const) {
    const missing = await refused({ ...good, [option]: "no/such/file.pem" });
    assertEquals([missing.code, missing.file], ["unreadable", "no/such/file.pem"]);
    const folder = await refused({ ...good, [option]: "." });
    assertEquals(folder.code, "unreadable");
    for (const text of ["", "hello", "\u0000\uffff", "-----BEGIN CERTIFICATE-----"]) {
      const file = await certificates.file(text);
      const empty = await refused({ ...good, [option]: file });
      assertEquals([empty.code, empty.file], ["malformed", file]);
    }
  }
});

Deno.test("a PEM block with wrong bytes in it is malformed", async () => {
  await using certificates = await Certificates.create();
  const good = await paths(certificates, await certificates.leaf());
  for (const body of ["AAAA", "MIIB", "====", "MIIBIjANBgkqhkiG9w0BAQEFAAOC"]) {
    for (const [option, label] of [["certFile", "CERTIFICATE"], ["keyFile", "PRIVATE KEY"]]) {
      const file = await certificates.file(
        `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`,
      );
      const error = await refused({ ...good, [option!]: file });
      assertEquals([error.code, error.file], ["malformed", file]);
    }
  }
});

Deno.test("a key of another certificate is refused and the key's file is named", async () => {
  await using certificates = await Certificates.create();
  const good = await paths(certificates, await certificates.leaf());
  const keyFile = await certificates.file((await certificates.leaf()).key);
  const error = await refused({ ...good, keyFile });
  assertEquals([error.code, error.file], ["keyMismatch", keyFile]);
});

Deno.test("files in each other's place are told as that, and not as open or mismatched keys", async () => {
  await using certificates = await Certificates.create();
  const good = await paths(certificates, await certificates.leaf());
  const { certFile, caFile } = good;
  // A certificate may be read by all, as a key may not.
  const swapped = await refused({ ...good, keyFile: certFile, certFile: good.keyFile! });
  assertEquals([swapped.code, swapped.file], ["malformed", certFile]);
  assertStringIncludes(swapped.message, "it holds a certificate and no private key; name the file");
  const both = await refused({ ...good, certFile: good.keyFile! });
  assertEquals([both.code, both.file], ["malformed", good.keyFile]);
  assertStringIncludes(both.message, "it holds no PEM block CERTIFICATE but PRIVATE KEY");
  const key = await refused({ ...good, keyFile: caFile });
  assertEquals([key.code, key.file], ["malformed", caFile]);
  assertStringIncludes(key.message, "it holds a certificate and no private key");
  const authority = await refused({ ...good, certFile: caFile });
  assertEquals([authority.code, authority.file], ["keyMismatch", good.keyFile]);
  assertStringIncludes(authority.message, "which is that of an authority (test authority)");
});

Deno.test("a key that others may read is refused unless that is allowed", async () => {
  await using certificates = await Certificates.create();
  const pair = await certificates.leaf();
  const keyFile = await certificates.file(pair.key, 0o640);
  const open = { ...await paths(certificates, pair), keyFile };
  const error = await refused(open);
  assertEquals([error.code, error.file], ["openKeyFile", keyFile]);
  assertStringIncludes(error.message, "0640");
  assertEquals((await TlsConfig.fromPaths({ ...open, allowOpenKeyFile: true })).name, "node-1");
});

Deno.test("an encrypted key is refused with the way out", async () => {
  await using certificates = await Certificates.create();
  const good = await paths(certificates, await certificates.leaf());
  const text = good.keyFile === undefined ? "" : await Deno.readTextFile(good.keyFile);
  const keyFile = await certificates.file(text.replaceAll("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"));
  const error = await refused({ ...good, keyFile });
  assertEquals(error.code, "encryptedKey");
});

opensslTest("what a peer would refuse is refused at load", async () => {
  await using certificates = await Certificates.create();
  const other = await certificates.authority();
  const wanted = {
    expired: await certificates.leaf({ validity: longAgo }),
    notYetValid: await certificates.leaf({ validity: farAhead }),
    noIdentity: await certificates.leaf({ uri: [] }),
    wrongUse: await certificates.leaf({ usages: "serverAuth" }),
    untrusted: await certificates.leaf({ issuer: other }),
  };
  for (const [code, pair] of Object.entries(wanted)) {
    const files = await paths(certificates, pair);
    const error = await refused(files);
    assertEquals([error.code as string, error.file], [code, files.certFile]);
    assertStringIncludes(error.message, "node-1");
  }
});

Deno.test("a leaf among the authorities is refused", async () => {
  await using certificates = await Certificates.create();
  const pair = await certificates.leaf();
  const caFile = await certificates.file(pair.cert);
  const error = await refused({ ...await paths(certificates, pair), caFile });
  assertEquals([error.code, error.file], ["issuerNotAuthority", caFile]);
});
