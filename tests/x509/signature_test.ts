import { assertEquals, assertThrows } from "@std/assert";
import { readCertificate } from "../../lib/x509/certificate.ts";
import { verifyShortDigest } from "../../lib/x509/ecdsa_p521.ts";
import { pemCertificates } from "../../lib/x509/pem.ts";
import { checkSignature } from "../../lib/x509/signature.ts";
import { opensslTest } from "../openssl.ts";
import { type KeyName, type Made, openssl, Pki } from "./pki.ts";

function reading({ cert }: Made) {
  return readCertificate(pemCertificates(cert)[0]!);
}

opensslTest("a signature is valid, invalid, or cannot be checked", async () => {
  await using pki = await Pki.create();
  const made = (key: KeyName, sign?: string[]) => pki.root({ key, ...(sign && { sign }) });
  const outcome = async (signer: Made, signed: Made) => {
    return await Promise.resolve(checkSignature(reading(signer), reading(signed)));
  };
  const [p256, other, p521, rsa] = [
    await made("p256"),
    await made("p256:other"),
    await made("p521"),
    await made("rsa2048"),
  ];
  for (const own of [p256, p521, rsa]) assertEquals(await outcome(own, own), "valid");
  assertEquals(await outcome(other, p256), "invalid");
  // Another kind of key cannot have made it.
  assertEquals(await outcome(rsa, p256), "invalid");
  assertEquals(await outcome(p256, rsa), "invalid");
  const weak = await made("rsa2048", ["-sha1"]);
  assertEquals(await outcome(weak, weak), "unknown");
  const ed448 = await made("ed448");
  assertEquals(await outcome(ed448, ed448), "unknown");
});

opensslTest(
  "P-521 with SHA-256: openssl's signatures verify, and changed ones do not",
  async () => {
    await using pki = await Pki.create();
    const keyFile = await pki.key("p521");
    const { key: { spki } } = reading(await pki.root({ key: "p521" }));
    const [text, signature] = [`${pki.dir}/text`, `${pki.dir}/signature`];
    for (let round = 0; round < 5; round++) {
      const bytes = crypto.getRandomValues(new Uint8Array(40));
      await Deno.writeFile(text, bytes);
      await openssl("dgst", "-sha256", "-sign", keyFile, "-out", signature, text);
      const signed = await Deno.readFile(signature);
      assertEquals(verifyShortDigest(spki, bytes, signed), true);
      for (const at of [10, signed.length - 1]) {
        const changed = signed.slice();
        changed[at]! ^= 1;
        assertEquals(verifyShortDigest(spki, bytes, changed), false);
      }
      bytes[0]! ^= 1;
      assertEquals(verifyShortDigest(spki, bytes, signed), false);
    }
  },
);

opensslTest(
  "P-521 with SHA-256: numbers out of range and broken encodings never verify",
  async () => {
    await using pki = await Pki.create();
    const { key: { spki } } = reading(await pki.root({ key: "p521" }));
    const order = "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa" +
      "51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409";
    const integer = (hex: string) => {
      const bytes = Uint8Array.from(hex.match(/../g)!, (pair) => parseInt(pair, 16));
      return [2, bytes.length, ...bytes];
    };
    const sequence = (...parts: number[][]) => {
      const body = parts.flat();
      return Uint8Array.from([0x30, ...(body.length > 127 ? [0x81] : []), body.length, ...body]);
    };
    for (const [r, s] of [["00", "01"], ["01", "00"], [order, "01"], ["01", order], ["00", "00"]]) {
      const signature = sequence(integer(r!), integer(s!));
      assertEquals(verifyShortDigest(spki, new Uint8Array(1), signature), false, `${r} ${s}`);
    }
    const one = integer("01");
    for (
      const broken of [
        new Uint8Array(0),
        sequence(one),
        sequence(one, one, one),
        sequence([2, 0], one),
        sequence([4, 1, 1], one),
        sequence([2, 9, 1], one),
        Uint8Array.of(0x31, 6, ...one, ...one),
      ]
    ) {
      assertThrows(() => verifyShortDigest(spki, new Uint8Array(1), broken));
    }
  },
);
