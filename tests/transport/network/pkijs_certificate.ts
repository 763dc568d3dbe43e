import { BitString, Integer, OctetString, Utf8String } from "asn1js";
import {
  AltName,
  AttributeTypeAndValue,
  BasicConstraints,
  Certificate,
  CryptoEngine,
  Extension,
  ExtKeyUsage,
  GeneralName,
  setEngine,
} from "pkijs";
import { pemCertificates } from "../../../lib/x509/pem.ts";
import type { Pair } from "./certificates.ts";

const curve = { name: "ECDSA", namedCurve: "P-256" } as const;
const day = 86_400_000;

setEngine("webcrypto", new CryptoEngine({ name: "webcrypto", crypto }));

/** What an ordinary certificate says. */
export interface Ordinary {
  readonly role: "node" | "client";
  readonly name: string;
  readonly uri: string;
  /** DNS names and IP addresses. */
  readonly hosts: readonly string[];
}

/** A good certificate, valid for 30 days, without the help of openssl. */
export async function makeOrdinary(wanted: Ordinary, issuer: Pair): Promise<Pair> {
  const keys = await crypto.subtle.generateKey(curve, true, ["sign", "verify"]);
  const authority = Certificate.fromBER(Uint8Array.from(pemCertificates(issuer.cert)[0]!));
  const certificate = new Certificate();
  certificate.version = 2;
  certificate.serialNumber = new Integer({ valueHex: serialNumber().buffer });
  certificate.subject.typesAndValues.push(
    new AttributeTypeAndValue({ type: "2.5.4.3", value: new Utf8String({ value: wanted.name }) }),
  );
  certificate.issuer = authority.subject;
  certificate.notBefore.value = new Date(Math.max(
    Date.now() - 60_000,
    authority.notBefore.value.getTime(),
  ));
  certificate.notAfter.value = new Date(Date.now() + 30 * day);
  certificate.extensions = extensionsOf(wanted);
  await certificate.subjectPublicKeyInfo.importKey(keys.publicKey);
  const signer = await crypto.subtle.importKey("pkcs8", derOf(issuer.key), curve, false, ["sign"]);
  await certificate.sign(signer, "SHA-256");
  return {
    cert: pem("CERTIFICATE", certificate.toSchema(true).toBER()),
    key: pem("PRIVATE KEY", await crypto.subtle.exportKey("pkcs8", keys.privateKey)),
  };
}

function extensionsOf({ role, uri, hosts }: Ordinary): Extension[] {
  const usages = role === "node"
    ? ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]
    : ["1.3.6.1.5.5.7.3.2"];
  const altNames = [...hosts.map(hostName), new GeneralName({ type: 6, value: uri })];
  return [
    extension("2.5.29.19", new BasicConstraints({ cA: false }), true),
    new Extension({
      extnID: "2.5.29.15",
      critical: true,
      extnValue: new BitString({ valueHex: Uint8Array.of(0x80).buffer, unusedBits: 7 }).toBER(),
    }),
    extension("2.5.29.37", new ExtKeyUsage({ keyPurposes: usages })),
    extension("2.5.29.17", new AltName({ altNames })),
  ];
}

function extension(
  extnID: string,
  value: { toSchema(): { toBER(): ArrayBuffer } },
  critical = false,
): Extension {
  return new Extension({ extnID, critical, extnValue: value.toSchema().toBER() });
}

function hostName(host: string): GeneralName {
  const bytes = ipBytes(host);
  return bytes === undefined
    ? new GeneralName({ type: 2, value: host })
    : new GeneralName({ type: 7, value: new OctetString({ valueHex: bytes.buffer }) });
}

/** The bytes of an IP address; undefined for a name. */
function ipBytes(host: string): Uint8Array<ArrayBuffer> | undefined {
  if (/^[\d.]+$/.test(host)) return Uint8Array.from(host.split("."), Number);
  if (!host.includes(":")) return undefined;
  const [head, tail = ""] = host.split("::").map((part) => part.split(":").filter((g) => g));
  const groups = [
    ...head!,
    ...Array(8 - head!.length - tail.length).fill("0"),
    ...tail,
  ].map((group) => parseInt(group, 16));
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

function serialNumber(): Uint8Array<ArrayBuffer> {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes;
}

function derOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replace(/-----[^-]*-----|\s/g, "")), (c) => c.charCodeAt(0));
}

function pem(label: string, der: ArrayBuffer): string {
  const base64 = btoa(String.fromCharCode(...new Uint8Array(der)));
  return `-----BEGIN ${label}-----\n${base64.replace(/.{64}/g, "$&\n")}\n-----END ${label}-----\n`;
}
