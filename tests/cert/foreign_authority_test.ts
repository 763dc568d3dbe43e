/** Authorities that other tools have made: our tool signs with their keys, or says why it does not. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { issueClient, issueNode } from "../../lib/cert/authority/authority.ts";
import { readCertificate } from "../../lib/cert/authority/certificate_info.ts";
import type { Authority } from "../../lib/cert/authority/issuing_authority.ts";
import { renew } from "../../lib/cert/authority/renewal.ts";
import { revoke } from "../../lib/cert/authority/revocation.ts";
import { verify } from "../../lib/cert/authority/verification.ts";
import { CertError } from "../../lib/cert/errors.ts";
import { opensslTest } from "../openssl.ts";
import { type KeyName, openssl, Pki } from "../x509/pki.ts";
import { Workspace } from "./workspace.ts";

const authorityLines = [
  "basicConstraints=critical,CA:TRUE",
  "keyUsage=critical,keyCertSign,cRLSign",
  "subjectKeyIdentifier=hash",
];

async function authority(pki: Pki, key: KeyName, more: string[] = []): Promise<Authority> {
  const subject = "/CN=foreign-root";
  return await pki.root({ key, subject, extensions: [...authorityLines, ...more] });
}

const signatures: Readonly<Record<string, string>> = {
  rsa2048: "RSA with SHA256",
  rsa3072: "RSA with SHA256",
  rsa4096: "RSA with SHA256",
  p384: "ECDSA with SHA384",
  p521: "ECDSA with SHA512",
  ed25519: "Ed25519",
};

for (const [key, algorithm] of Object.entries(signatures)) {
  opensslTest(`an authority with a key of type ${key} issues, renews and revokes`, async () => {
    await using pki = await Pki.create();
    const ca = await authority(pki, key as KeyName);
    const node = await issueNode(ca, { hosts: ["node-1", "127.0.0.1"] });
    const next = await renew(ca, node);
    for (const { cert } of [node, next]) {
      assertEquals((await readCertificate(cert)).algorithm, algorithm);
      assert((await verify(cert, { ca: ca.cert, host: "node-1", usage: "node" })).ok);
      const [caFile, file] = [`${pki.dir}/ca.pem`, `${pki.dir}/leaf.pem`];
      await Deno.writeTextFile(caFile, ca.cert);
      await Deno.writeTextFile(file, cert);
      assertStringIncludes(await openssl("verify", "-CAfile", caFile, file), "OK");
    }
    const { crl } = await revoke(ca, { certificates: [node.cert] });
    assertEquals((await verify(node.cert, { ca: ca.cert, crl })).code, "revoked");
    assert((await verify(next.cert, { ca: ca.cert, crl })).ok);
    // What it revokes stays revoked: the tool knows its own list again.
    assertEquals((await revoke(ca, { crl, serials: ["7"] })).revocations.length, 2);
  });
}

opensslTest("create-node signs with the RSA key of another tool, in its old form too", async () => {
  await using pki = await Pki.create();
  await using work = await Workspace.create();
  const ca = await pki.root({ key: "rsa2048", extensions: authorityLines });
  await Deno.mkdir(work.path("ca"));
  for (const key of [ca.key, await pki.traditionalKey(ca)]) {
    await work.write("ca/ca.crt", ca.cert);
    await work.write("ca/ca.key", key);
    await work.ok("create-node", "node-1", "--ca-dir", "@ca", "--out", "@node", "--force");
    await work.ok("verify", "@node/node.crt", "--ca", "@ca/ca.crt", "--host", "node-1");
  }
  // A certificate in DER is an authority as well.
  await Deno.writeFile(work.path("ca/ca.crt"), await pki.der(ca.cert));
  await work.ok("create-client", "shop", "--ca-dir", "@ca", "--out", "@client");
  assertMatch(await work.ok("info", "@ca/ca.crt"), /Key type: +rsa 2048\n/);
});

opensslTest("an authority with a key that no peer accepts does not issue", async () => {
  await using pki = await Pki.create();
  for (const key of ["rsa1024", "p224", "secp256k1", "ed448", "rsaPss"] as const) {
    const ca = await authority(pki, key);
    const error = await assertRejects(() => issueClient(ca, { name: "shop" }), CertError);
    assertEquals(error.code, "unsupportedKey", key);
    assertMatch(error.message, /use p256, p384, ed25519, p521, or rsa with at least 2048 bits/);
  }
});

opensslTest("what an authority may not certify is not issued", async () => {
  await using pki = await Pki.create();
  const narrow = await authority(pki, "p256", ["nameConstraints=critical,permitted;DNS:.lab"]);
  const error = await assertRejects(() => issueNode(narrow, { hosts: ["db-1"] }), CertError);
  assertEquals(error.code, "beyondAuthority");
  assertStringIncludes(error.message, "permits only DNS .lab and not the name DNS db-1");
  assert((await issueNode(narrow, { hosts: ["db-1.lab"] })).cert.length > 0);
  const uris = await authority(pki, "p256", ["nameConstraints=critical,permitted;URI:lab"]);
  const refused = await assertRejects(() => issueClient(uris, { name: "shop" }), CertError);
  assertStringIncludes(refused.message, "foreign-root");
  assertStringIncludes(refused.message, "name constraint");
});
