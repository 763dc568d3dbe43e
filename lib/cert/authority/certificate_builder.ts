import { BitString, Integer, OctetString, PrintableString, Utf8String } from "asn1js";
import type { KeyObject } from "node:crypto";
import {
  AttributeTypeAndValue,
  AuthorityKeyIdentifier,
  Certificate,
  Extension,
  PublicKeyInfo,
  RelativeDistinguishedNames,
  Time,
  TimeType,
} from "pkijs";
import { publicKeyOf, signerOf } from "./key_type.ts";
import { wholeSeconds } from "./validity.ts";

/** How long before now a certificate is valid, milliseconds: clocks differ. */
const backdate = 5 * 60_000;

const oid = {
  commonName: "2.5.4.3",
  subjectKeyIdentifier: "2.5.29.14",
  authorityKeyIdentifier: "2.5.29.35",
};

/** All fields of a certificate except the ones derived from its keys. */
export interface CertificateContents {
  readonly subject: RelativeDistinguishedNames;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Whose public part is certified. */
  readonly key: KeyObject;
  /** Without the identifiers of the two keys. */
  readonly extensions: readonly Extension[];
}

/** The issuer. */
export interface Issuer {
  readonly certificate: Certificate;
  readonly key: KeyObject;
}

/** Builds and signs a certificate; without an issuer it is self-signed. */
export async function buildCertificate(
  contents: CertificateContents,
  issuer?: Issuer,
): Promise<Certificate> {
  const certificate = new Certificate();
  certificate.version = 2;
  certificate.serialNumber = new Integer({ valueHex: serialNumber() });
  certificate.subject = contents.subject;
  certificate.notBefore = timeOf(contents.notBefore);
  certificate.notAfter = timeOf(contents.notAfter);
  certificate.subjectPublicKeyInfo = PublicKeyInfo.fromBER(publicKeyOf(contents.key));
  const signer = issuer?.certificate ?? certificate;
  certificate.issuer = signer.subject;
  certificate.extensions = [
    ...contents.extensions,
    extension(
      oid.subjectKeyIdentifier,
      false,
      new OctetString({ valueHex: await keyDigest(certificate) }).toBER(),
    ),
    await authorityKeyIdentifier(signer),
  ];
  const { algorithm, sign } = signerOf(issuer?.key ?? contents.key);
  certificate.signature = algorithm;
  certificate.signatureAlgorithm = algorithm;
  const signed = certificate.encodeTBS().toBER();
  certificate.tbsView = new Uint8Array(signed);
  certificate.signatureValue = new BitString({ valueHex: sign(signed) });
  return certificate;
}

/** A subject with a common name only. */
export function commonNameSubject(commonName: string): RelativeDistinguishedNames {
  const value = /^[A-Za-z0-9 '()+,./:=?-]*$/.test(commonName)
    ? new PrintableString({ value: commonName })
    : new Utf8String({ value: commonName });
  return new RelativeDistinguishedNames({
    typesAndValues: [new AttributeTypeAndValue({ type: oid.commonName, value })],
  });
}

/** Start of validity of a certificate made now: a little earlier, but not before its authority. */
export function startOfValidity(issuer?: Certificate): Date {
  const earliest = issuer?.notBefore.value.getTime() ?? -Infinity;
  return wholeSeconds(Math.max(Date.now() - backdate, earliest));
}

/** An extension of a certificate, or of a list. */
export function extension(extnID: string, critical: boolean, extnValue: ArrayBuffer): Extension {
  return new Extension({ extnID, critical, extnValue });
}

/** The extension that names the key which has signed. */
export async function authorityKeyIdentifier(signer: Certificate): Promise<Extension> {
  const own = signer.extensions?.find(({ extnID }) => extnID === oid.subjectKeyIdentifier)
    ?.parsedValue;
  const valueHex = own instanceof OctetString
    ? Uint8Array.from(own.valueBlock.valueHexView).buffer
    : await keyDigest(signer);
  const identifier = new AuthorityKeyIdentifier({ keyIdentifier: new OctetString({ valueHex }) });
  return extension(oid.authorityKeyIdentifier, false, identifier.toSchema().toBER());
}

/** RFC 5280, 4.1.2.5: years from 2050 on are of another type. */
export function timeOf(value: Date): Time {
  const type = value.getUTCFullYear() < 2050 ? TimeType.UTCTime : TimeType.GeneralizedTime;
  return new Time({ type, value });
}

/** RFC 5280, 4.2.1.2, method 1: SHA-1 of the public key. An identifier, not a protection. */
async function keyDigest(certificate: Certificate): Promise<ArrayBuffer> {
  const key = certificate.subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView;
  return await crypto.subtle.digest("SHA-1", Uint8Array.from(key));
}

/** 159 random bits behind a zero bit: positive, and never shorter by chance. */
function serialNumber(): ArrayBuffer {
  const bytes = crypto.getRandomValues(new Uint8Array(20));
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes.buffer;
}
