import { assertEquals, assertThrows } from "@std/assert";
import { createCa } from "../../lib/cert/authority/authority.ts";
import { X509Error } from "../../lib/x509/errors.ts";
import { encodePem, pemBlocks, pemCertificates, pemText } from "../../lib/x509/pem.ts";

const der = Uint8Array.of(0x30, 3, 2, 1, 7);

Deno.test("blocks are found between any text, with any line ends, under an older name", () => {
  const block = encodePem("CERTIFICATE", der);
  for (
    const text of [
      block,
      `\ufeff${block}`,
      block.replaceAll("\n", "\r\n"),
      `Bag Attributes\n  friendlyName: a-b\n${block}trailing -- text`,
      block.replaceAll("CERTIFICATE", "X509 CERTIFICATE"),
      `${encodePem("PRIVATE KEY", der)}${block}`,
    ]
  ) {
    assertEquals(pemCertificates(text), [der], text);
  }
  assertEquals(pemBlocks(block + encodePem("X509 CRL", der)).map(({ label }) => label), [
    "CERTIFICATE",
    "X509 CRL",
  ]);
});

Deno.test("a block that is cut off or is no base64 is not passed over", () => {
  const block = encodePem("CERTIFICATE", der);
  for (const text of [block + block.slice(0, 40), block.replace("MAMCAQc=", "MAM*AQc=")]) {
    const error = assertThrows(() => pemBlocks(text, "CERTIFICATE"), X509Error);
    assertEquals(error.code, "malformed");
  }
  // Of other blocks nothing is asked.
  assertEquals(pemBlocks(`${block}-----BEGIN PRIVATE KEY-----`, "CERTIFICATE").length, 1);
});

Deno.test("a certificate in DER becomes its PEM text, and other bytes stay text", async () => {
  const { cert } = await createCa();
  const [bytes] = pemCertificates(cert);
  assertEquals(pemText(bytes!), cert);
  assertEquals(pemText(new TextEncoder().encode(cert)), cert);
  assertEquals(pemText(new TextEncoder().encode("0 is a digit")), "0 is a digit");
});
