import { assert, assertEquals, assertRejects } from "@std/assert";
import { createCa, issueClient, issueNode } from "../../lib/cert/authority/authority.ts";
import { readCertificate } from "../../lib/cert/authority/certificate_info.ts";
import { CertError } from "../../lib/cert/errors.ts";
import { renew, type RenewOptions } from "../../lib/cert/authority/renewal.ts";
import { revoke } from "../../lib/cert/authority/revocation.ts";
import { verify } from "../../lib/cert/authority/verification.ts";

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => promise, CertError)).code;
}

Deno.test("renew keeps names and usages, and verifies", async () => {
  const ca = await createCa({ keyType: "p384" });
  const node = await issueNode(ca, { hosts: ["a", "::1"], keyType: "ed25519", validity: "24h" });
  const next = await renew(ca, node);
  const [old, info] = [await readCertificate(node.cert), await readCertificate(next.cert)];
  assertEquals(info.names, old.names);
  assertEquals(info.keyType, "ed25519");
  assert(info.serial !== old.serial && next.key !== node.key);
  const options = { ca: ca.cert, key: next.key, host: "::1", usage: "node" } as const;
  assertEquals((await verify(next.cert, options)).failures, []);
  const kept = await renew(ca, node, { keepKey: true });
  assertEquals(kept.key, node.key);
});

Deno.test("an encrypted authority renews and revokes with its passphrase", async () => {
  const passphrase = "correct horse";
  const made = await createCa({ passphrase });
  const ca = { ...made, passphrase };
  const client = await issueClient(ca, { name: "shop" });
  assertEquals((await readCertificate((await renew(ca, client)).cert)).role, "client");
  const { added } = await revoke(ca, { certificates: [client.cert] });
  assertEquals(added.length, 1);
  assertEquals(await codeOf(renew({ ...ca, passphrase: "wrong" }, client)), "wrongPassphrase");
  assertEquals(await codeOf(revoke(made)), "encryptedKey");
});

Deno.test("renew names the reason why it does not", async () => {
  const [ca, other] = [await createCa(), await createCa()];
  const node = await issueNode(ca, { hosts: ["a"] });
  const { key } = await issueNode(ca, { hosts: ["b"] });
  const refused = (options: RenewOptions, present: { cert: string; key?: string } = node) =>
    codeOf(renew(ca, present, options));
  assertEquals(await codeOf(renew(other, node)), "unknownCertificate");
  assertEquals(await refused({}, ca), "isAuthority");
  assertEquals(await refused({}, { cert: "no PEM" }), "malformed");
  assertEquals(await refused({ validity: "366d" }), "beyondAuthority");
  assertEquals(await refused({ validity: "0d" }), "badValidity");
  assertEquals(await refused({ keepKey: true, keyType: "p256" }), "badKeyType");
  assertEquals(await refused({ keepKey: true }, { cert: node.cert }), "notFound");
  assertEquals(await refused({ keepKey: true }, { cert: node.cert, key }), "keyMismatch");
  const { crl } = await revoke(ca, { certificates: [node.cert] });
  assertEquals(await refused({ crl }), "revoked");
  // What another authority says about the same number does not count.
  const { serial } = await readCertificate(node.cert);
  const foreign = await revoke(other, { serials: [serial] });
  await renew(ca, node, { crl: foreign.crl });
});
