import { assertEquals, assertRejects } from "@std/assert";
import { createCa, issueClient } from "../../lib/cert/authority/authority.ts";
import { readCertificate } from "../../lib/cert/authority/certificate_info.ts";
import { CertError } from "../../lib/cert/errors.ts";
import { revocationReasons, revoke } from "../../lib/cert/authority/revocation.ts";
import {
  readRevocationList,
  type RevocationReason,
} from "../../lib/cert/authority/revocation_info.ts";

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => promise, CertError)).code;
}

Deno.test("a list is read as it was written, with every reason", async () => {
  const ca = await createCa({ commonName: "shop-ca" });
  let crl: string | undefined;
  for (const [index, reason] of revocationReasons.entries()) {
    const serials = [String(index + 1)];
    ({ crl } = await revoke(ca, { serials, reason, ...(crl !== undefined && { crl }) }));
  }
  const { issuer, number, revocations } = readRevocationList(crl!);
  assertEquals([issuer, number], ["shop-ca", BigInt(revocationReasons.length)]);
  assertEquals(revocations.map(({ reason }) => reason), [...revocationReasons]);
  assertEquals(revocations.map(({ serial }) => serial), ["1", "2", "3", "4", "5", "6"]);
});

Deno.test("lists of other authorities in the same text are kept as they are", async () => {
  const [ca, other] = [await createCa(), await createCa({ commonName: "other" })];
  const theirs = await revoke(other, { serials: ["AA"] });
  const ours = await revoke(ca, { serials: ["1"], crl: theirs.crl });
  assertEquals(ours.number, 1n);
  assertEquals(ours.crl.endsWith(theirs.crl), true);
  const again = await revoke(ca, { serials: ["2"], crl: ours.crl });
  assertEquals([again.number, again.revocations.length], [2n, 2]);
  assertEquals(again.crl.match(/BEGIN X509 CRL/g)?.length, 2);
});

Deno.test("a list that is renewed carries all entries, and says when the next is due", async () => {
  const ca = await createCa();
  const { cert } = await issueClient(ca, { name: "shop" });
  const first = await revoke(ca, { certificates: [cert] });
  const { revocations, nextUpdate, thisUpdate, added, known } = await revoke(ca, {
    crl: first.crl,
    nextUpdate: "24h",
  });
  assertEquals(revocations, first.revocations);
  assertEquals([added, known], [[], []]);
  assertEquals(nextUpdate!.getTime() - thisUpdate.getTime(), 86_400_000);
  const { serial } = await readCertificate(cert);
  const again = await revoke(ca, { serials: [serial.toLowerCase()], crl: first.crl });
  assertEquals(again.known, first.revocations);
});

Deno.test("revoke names the reason why it does not", async () => {
  const [ca, other] = [await createCa(), await createCa()];
  const { cert } = await issueClient(other, { name: "shop" });
  const ten = Array.from({ length: 10_001 }, (_, index) => (index + 1).toString(16));
  assertEquals(await codeOf(revoke(ca, { certificates: [cert] })), "unknownCertificate");
  assertEquals(await codeOf(revoke(ca, { certificates: [ca.cert] })), "isAuthority");
  assertEquals(await codeOf(revoke(ca, { certificates: ["no PEM"] })), "malformed");
  assertEquals(await codeOf(revoke(ca, { crl: "no PEM" })), "malformed");
  assertEquals(await codeOf(revoke(ca, { serials: ["-1"] })), "badSerial");
  assertEquals(await codeOf(revoke(ca, { serials: ten })), "badSerial");
  assertEquals(await codeOf(revoke(ca, { nextUpdate: "soon" })), "badValidity");
  const hold = "certificateHold" as RevocationReason;
  assertEquals(await codeOf(revoke(ca, { serials: ["1"], reason: hold })), "badReason");
  assertEquals(await codeOf(revoke({ cert: ca.cert, key: other.key })), "keyMismatch");
});
