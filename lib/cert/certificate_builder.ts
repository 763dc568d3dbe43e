import { BitString, Integer, OctetString, PrintableString, Utf8String } from "asn1js";
import {
  AltName,
  AttributeTypeAndValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  CryptoEngine,
  Extension,
  ExtKeyUsage,
  GeneralName,
  Time,
  TimeType,
} from "pkijs";
import type { HostName } from "./host_name.ts";

/** How long before now a certificate is valid, milliseconds: clocks differ. */
const backdate = 5 * 60_000;
const day = 86_400_000;

const oid = {
  commonName: "2.5.4.3",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
};

/** Bits of the key usage extension, with the count of unused bits. */
const usageBits = {
  /** keyCertSign and cRLSign. */
  authority: { bits: 0b0000_0110, unused: 1 },
  /** digitalSignature; an EC key does not encipher keys. */
  leaf: { bits: 0b1000_0000, unused: 7 },
};

/** Which kind of certificate is made. */
export type CertificateRole = "authority" | "node" | "client";

/** Everything that goes into a certificate. */
export interface CertificatePlan {
  readonly role: CertificateRole;
  readonly commonName: string;
  readonly hosts: readonly HostName[];
  readonly uri: string | undefined;
  /** Whole seconds. */
  readonly notAfter: Date;
  readonly publicKey: CryptoKey;
  /** Who signs; itself for an authority. */
  readonly issuer: { readonly certificate: Certificate; readonly key: CryptoKey } | CryptoKey;
}

/** Makes and signs a certificate. */
export async function buildCertificate(plan: CertificatePlan): Promise<Certificate> {
  const engine = new CryptoEngine({ crypto, subtle: crypto.subtle, name: "webcrypto" });
  const certificate = new Certificate();
  certificate.version = 2;
  certificate.serialNumber = new Integer({ valueHex: serialNumber() });
  certificate.subject.typesAndValues.push(
    new AttributeTypeAndValue({
      type: oid.commonName,
      value: printable(plan.commonName)
        ? new PrintableString({ value: plan.commonName })
        : new Utf8String({ value: plan.commonName }),
    }),
  );
  const { issuer } = plan;
  const signer = "certificate" in issuer ? issuer.certificate : certificate;
  certificate.issuer = signer.subject;
  certificate.notBefore = timeOf(seconds(Date.now() - backdate));
  certificate.notAfter = timeOf(plan.notAfter);
  await certificate.subjectPublicKeyInfo.importKey(plan.publicKey, engine);
  certificate.extensions = await extensions(plan, certificate, signer);
  await certificate.sign("certificate" in issuer ? issuer.key : issuer, "SHA-256", engine);
  return certificate;
}

/** When a certificate made now for so many days ends. */
export function expiry(validityDays: number): Date {
  return seconds(Date.now() + validityDays * day);
}

async function extensions(
  plan: CertificatePlan,
  certificate: Certificate,
  signer: Certificate,
): Promise<Extension[]> {
  const isAuthority = plan.role === "authority";
  const constraints = isAuthority
    ? new BasicConstraints({ cA: true, pathLenConstraint: 0 })
    : new BasicConstraints({ cA: false });
  const { bits, unused } = isAuthority ? usageBits.authority : usageBits.leaf;
  const usage = new BitString({ valueHex: Uint8Array.of(bits).buffer, unusedBits: unused });
  const list = [
    make(oid.basicConstraints, true, constraints.toSchema().toBER()),
    make(oid.keyUsage, true, usage.toBER()),
    make(
      oid.subjectKeyIdentifier,
      false,
      new OctetString({ valueHex: await keyIdentifier(certificate) }).toBER(),
    ),
    make(
      oid.authorityKeyIdentifier,
      false,
      new AuthorityKeyIdentifier({
        keyIdentifier: new OctetString({ valueHex: await keyIdentifier(signer) }),
      }).toSchema().toBER(),
    ),
  ];
  if (isAuthority) return list;
  const purposes = plan.role === "node" ? [oid.serverAuth, oid.clientAuth] : [oid.clientAuth];
  list.push(
    make(oid.extKeyUsage, false, new ExtKeyUsage({ keyPurposes: purposes }).toSchema().toBER()),
    make(oid.subjectAltName, false, new AltName({ altNames: altNames(plan) }).toSchema().toBER()),
  );
  return list;
}

function altNames({ hosts, uri }: CertificatePlan): GeneralName[] {
  const names = hosts.map((host) =>
    host.kind === "dns"
      ? new GeneralName({ type: 2, value: host.text })
      : new GeneralName({ type: 7, value: new OctetString({ valueHex: copy(host.bytes) }) })
  );
  if (uri !== undefined) names.push(new GeneralName({ type: 6, value: uri }));
  return names;
}

function make(extnID: string, critical: boolean, extnValue: ArrayBuffer): Extension {
  return new Extension({ extnID, critical, extnValue });
}

/** RFC 5280, 4.2.1.2, method 1: SHA-1 of the public key. An identifier, not a protection. */
async function keyIdentifier(certificate: Certificate): Promise<ArrayBuffer> {
  const key = certificate.subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView;
  return await crypto.subtle.digest("SHA-1", copy(key));
}

/** 159 random bits behind a zero bit: positive, and never shorter by chance. */
function serialNumber(): ArrayBuffer {
  const bytes = crypto.getRandomValues(new Uint8Array(20));
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes.buffer;
}

function printable(text: string): boolean {
  return /^[A-Za-z0-9 '()+,./:=?-]*$/.test(text);
}

/** RFC 5280, 4.1.2.5: years from 2050 on are of another type. */
function timeOf(value: Date): Time {
  const type = value.getUTCFullYear() < 2050 ? TimeType.UTCTime : TimeType.GeneralizedTime;
  return new Time({ type, value });
}

/** X.509 times have no milliseconds. */
function seconds(time: number): Date {
  return new Date(Math.floor(time / 1_000) * 1_000);
}

function copy(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}
