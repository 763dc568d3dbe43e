import { createHash, X509Certificate } from "node:crypto";
import { BitString } from "asn1js";
import { AltName, BasicConstraints, Certificate, ExtKeyUsage, type GeneralName } from "pkijs";
import { CertificateReadings } from "./certificate_readings.ts";
import { namesOf } from "./certificate_names.ts";
import type { CertificateNames } from "../runtime/identity_mapping.ts";
import { ipText } from "./host_names.ts";

/** What a certificate says about its subject. Nothing of it is verified yet. */
export interface CertificateReading {
  /** The certificate as it was sent. */
  readonly der: Uint8Array;
  /** The DER bytes of the subject's name, hexadecimal. */
  readonly subjectName: string;
  /** The DER bytes of the issuer's name, hexadecimal. */
  readonly issuerName: string;
  /** Whether subject and issuer have the same name. */
  readonly selfIssued: boolean;
  /** The subject's common name, if there is one. */
  readonly commonName: string | undefined;
  /** Upper-case hexadecimal without leading zeros. */
  readonly serialNumber: string;
  /** SHA-256 of the public key (SubjectPublicKeyInfo), lower-case hexadecimal. */
  readonly publicKey: string;
  /** URI names, as they stand there. */
  readonly uris: readonly string[];
  /** All names of the holder, for the option `identity`. */
  readonly names: CertificateNames;
  /** DNS names and IP addresses. */
  readonly hosts: readonly string[];
  readonly isAuthority: boolean;
  /** How many authorities may stand below this one; undefined: any number. */
  readonly pathLength: number | undefined;
  /** Undefined: the certificate does not restrict its key. */
  readonly keyUsage: KeyUsage | undefined;
  /** Number of a critical extension that is not known here, if there is one. */
  readonly unknownCriticalExtension: string | undefined;
  readonly serverAuth: boolean;
  readonly clientAuth: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly notBefore: number;
  /** Milliseconds since the Unix epoch. */
  readonly notAfter: number;
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly fingerprint: string;
}

/** What the key of a certificate may do. */
export interface KeyUsage {
  readonly digitalSignature: boolean;
  readonly keyCertSign: boolean;
  readonly cRLSign: boolean;
}

const oid = {
  subjectAltName: "2.5.29.17",
  keyUsage: "2.5.29.15",
  basicConstraints: "2.5.29.19",
  extKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
};
/** What may be critical: key identifiers, key usage, names, constraints, extended key usage. */
const knownExtensions: ReadonlySet<string> = new Set([
  "2.5.29.14",
  oid.keyUsage,
  oid.subjectAltName,
  oid.basicConstraints,
  "2.5.29.30",
  "2.5.29.35",
  oid.extKeyUsage,
]);
const uriType = 6;
const dnsType = 2;
const ipType = 7;

/** To parse a certificate takes a millisecond, and each handshake shows the same few. */
const readings = new CertificateReadings(parseCertificate);

/**
 * Reads a certificate. Deno's `getPeerCertificate` shows neither extended key usages nor URI
 * names, so the raw bytes are parsed here. The same bytes mostly give the same object.
 *
 * @throws {Error} when the bytes are no X.509 certificate.
 */
export function readCertificate(der: Uint8Array): CertificateReading {
  return readings.read(der);
}

function parseCertificate(der: Uint8Array): CertificateReading {
  const bytes = Uint8Array.from(der);
  const certificate = Certificate.fromBER(bytes);
  const extensions = certificate.extensions ?? [];
  const parsed = <T>(id: string, type: abstract new (...args: never[]) => T): T | undefined => {
    const value = extensions.find((extension) => extension.extnID === id)?.parsedValue;
    return value instanceof type ? value : undefined;
  };
  const names = parsed(oid.subjectAltName, AltName)?.altNames ?? [];
  const usages = parsed(oid.extKeyUsage, ExtKeyUsage)?.keyPurposes ?? [];
  const constraints = parsed(oid.basicConstraints, BasicConstraints);
  const pathLength = constraints?.pathLenConstraint;
  const subjectName = hex(certificate.subject.toSchema().toBER());
  const issuerName = hex(certificate.issuer.toSchema().toBER());
  const restricted = extensions.some(({ extnID }) => extnID === oid.keyUsage);
  const commonName = certificate.subject.typesAndValues.find(({ type }) => type === "2.5.4.3");
  return Object.freeze({
    der: bytes,
    subjectName,
    issuerName,
    selfIssued: subjectName === issuerName,
    commonName: commonName && String(commonName.value.valueBlock.value),
    serialNumber: plainSerial(certificate.serialNumber.valueBlock.valueHexView),
    publicKey: publicKeyPrint(bytes),
    // An authoriser of the user is given them, and many handshakes share a reading.
    uris: Object.freeze(urisOf(names)),
    names: namesOf(certificate),
    hosts: Object.freeze(hostsOf(names)),
    isAuthority: constraints?.cA === true,
    pathLength: typeof pathLength === "number" ? pathLength : undefined,
    keyUsage: restricted ? readKeyUsage(parsed(oid.keyUsage, BitString)) : undefined,
    unknownCriticalExtension: extensions
      .find(({ critical, extnID }) => critical && !knownExtensions.has(extnID))?.extnID,
    serverAuth: usages.includes(oid.serverAuth),
    clientAuth: usages.includes(oid.clientAuth),
    notBefore: certificate.notBefore.value.getTime(),
    notAfter: certificate.notAfter.value.getTime(),
    fingerprint: createHash("sha256").update(bytes).digest("hex"),
  });
}

/** One spelling of a serial number: upper-case hexadecimal without leading zeros. */
export function plainSerial(bytes: Uint8Array): string {
  return hex(bytes).toUpperCase().replace(/^0+(?=.)/, "");
}

/** A moment as people and files write it. */
export function isoTime(wallTime: number): string {
  return new Date(wallTime).toISOString();
}

function readKeyUsage(bits: BitString | undefined): KeyUsage {
  // One that cannot be read allows nothing.
  const first = bits?.valueBlock.valueHexView[0] ?? 0;
  return {
    digitalSignature: (first & 0x80) !== 0,
    keyCertSign: (first & 0x04) !== 0,
    cRLSign: (first & 0x02) !== 0,
  };
}

/** Empty for a kind of key that this Deno does not know; such a chain is never verified. */
function publicKeyPrint(der: Uint8Array): string {
  try {
    const key = new X509Certificate(der).publicKey.export({ type: "spki", format: "der" });
    return createHash("sha256").update(key).digest("hex");
  } catch {
    return "";
  }
}

function hex(bytes: ArrayBuffer | Uint8Array): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function urisOf(names: readonly GeneralName[]): string[] {
  return names.filter(({ type }) => type === uriType).map(({ value }) => String(value));
}

function hostsOf(names: readonly GeneralName[]): string[] {
  const hosts: string[] = [];
  for (const { type, value } of names) {
    if (type === dnsType) hosts.push(String(value));
    if (type === ipType) {
      const text = ipText(new Uint8Array(value.valueBlock.valueHexView ?? []));
      if (text !== undefined) hosts.push(text);
    }
  }
  return hosts;
}
