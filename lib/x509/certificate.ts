import { createHash } from "node:crypto";
import { BitString, OctetString } from "asn1js";
import {
  AltName,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  type Extension,
  ExtKeyUsage,
  NameConstraints,
} from "pkijs";
import type { CertificateNames } from "../runtime/identity_mapping.ts";
import {
  type AlternativeName,
  alternativeNames,
  commonNameOf,
  namesOf,
} from "./certificate_names.ts";
import { CertificateReadings } from "./certificate_readings.ts";
import { type NameConstraintReading, readNameConstraints } from "./name_constraints.ts";
import { type PublicKeyReading, readPublicKey } from "./public_key.ts";
import type { Signed, Signer } from "./signature.ts";
import { readSignatureAlgorithm } from "./signature_algorithm.ts";

/** The parsed content of a certificate, not verified yet. */
export interface CertificateReading extends Signed, Signer {
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
  /** The issuer's common name, if there is one. */
  readonly issuerCommonName: string | undefined;
  /** Upper-case hexadecimal without leading zeros. */
  readonly serialNumber: string;
  /** The key, and why it is not accepted if it is not. */
  readonly key: PublicKeyReading;
  /** SHA-256 of the public key (SubjectPublicKeyInfo), lower-case hexadecimal. */
  readonly publicKey: string;
  /** Identifies the key of the subject, hexadecimal; undefined if it is not there. */
  readonly subjectKeyId: string | undefined;
  /** Identifies the key that has signed, hexadecimal; undefined if it is not there. */
  readonly authorityKeyId: string | undefined;
  /** The extension subjectAltName, in its order. */
  readonly alternativeNames: readonly AlternativeName[];
  /** URI names, unchanged. */
  readonly uris: readonly string[];
  /** All names of the holder, for the option `identity`. */
  readonly names: CertificateNames;
  /** DNS names and IP addresses. */
  readonly hosts: readonly string[];
  readonly isAuthority: boolean;
  /** Path length: number of authorities allowed below this one; undefined: any number. */
  readonly pathLength: number | undefined;
  /** Key usages; undefined: the certificate does not restrict them. */
  readonly keyUsages: readonly KeyUsage[] | undefined;
  /**
   * Extended key usages: `serverAuth`, `clientAuth`, or object identifiers; undefined: the
   * certificate has none.
   */
  readonly purposes: readonly string[] | undefined;
  readonly nameConstraints: NameConstraintReading | undefined;
  /** Names and numbers of critical extensions that are not known here. */
  readonly unknownCriticalExtensions: readonly string[];
  /** Milliseconds since the Unix epoch. */
  readonly notBefore: number;
  /** Milliseconds since the Unix epoch. */
  readonly notAfter: number;
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly fingerprint: string;
}

const oid = {
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  nameConstraints: "2.5.29.30",
  authorityKeyIdentifier: "2.5.29.35",
  extKeyUsage: "2.5.29.37",
};

/** The supported extensions. They may be critical, and must be well-formed. */
const readers: Readonly<Record<string, abstract new (...args: never[]) => unknown>> = {
  [oid.subjectKeyIdentifier]: OctetString,
  [oid.keyUsage]: BitString,
  [oid.subjectAltName]: AltName,
  [oid.basicConstraints]: BasicConstraints,
  [oid.nameConstraints]: NameConstraints,
  [oid.authorityKeyIdentifier]: AuthorityKeyIdentifier,
  [oid.extKeyUsage]: ExtKeyUsage,
};

/** Names of extensions that are critical in practice and not known here. */
const extensionNames: Readonly<Record<string, string>> = {
  "2.5.29.18": "issuerAltName",
  "2.5.29.31": "cRLDistributionPoints",
  "2.5.29.32": "certificatePolicies",
  "2.5.29.33": "policyMappings",
  "2.5.29.36": "policyConstraints",
  "2.5.29.54": "inhibitAnyPolicy",
  "1.3.6.1.5.5.7.1.1": "authorityInfoAccess",
  "1.3.6.1.5.5.7.1.24": "tlsFeature",
  "2.16.840.1.113730.1.1": "nsCertType",
};

/** RFC 5280, 4.2.1.3, by bit. */
const keyUsageNames = [
  "digitalSignature",
  "nonRepudiation",
  "keyEncipherment",
  "dataEncipherment",
  "keyAgreement",
  "keyCertSign",
  "cRLSign",
  "encipherOnly",
  "decipherOnly",
] as const;

/** Key usages. */
export type KeyUsage = typeof keyUsageNames[number];

const purposeNames: Readonly<Record<string, string>> = {
  "1.3.6.1.5.5.7.3.1": "serverAuth",
  "1.3.6.1.5.5.7.3.2": "clientAuth",
};

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

/**
 * Reads a certificate that nobody vouches for: it takes no place among those that are remembered.
 *
 * @throws {Error} when the bytes are no X.509 certificate.
 */
export function readForeign(der: Uint8Array): CertificateReading {
  return readings.readOnce(der);
}

function parseCertificate(der: Uint8Array): CertificateReading {
  const bytes = Uint8Array.from(der);
  const certificate = Certificate.fromBER(bytes);
  const extensions = readExtensions(certificate);
  const alternative = alternativeNames(extensions.get(oid.subjectAltName));
  const names = namesOf(certificate, alternative);
  const constraints = extensions.get(oid.basicConstraints) as BasicConstraints | undefined;
  const pathLength = constraints?.pathLenConstraint;
  const subjectName = hex(certificate.subject.toSchema().toBER());
  const issuerName = hex(certificate.issuer.toSchema().toBER());
  const key = readPublicKey(certificate.subjectPublicKeyInfo);
  const hosts = alternative.filter(({ type, text }) => {
    return (type === "dns" || type === "ip") && text !== "";
  });
  return Object.freeze({
    der: bytes,
    tbs: Uint8Array.from(certificate.tbsView),
    signature: Uint8Array.from(certificate.signatureValue.valueBlock.valueHexView),
    signatureAlgorithm: readSignatureAlgorithm(certificate.signatureAlgorithm),
    subjectName,
    issuerName,
    selfIssued: subjectName === issuerName,
    commonName: commonNameOf(certificate.subject),
    issuerCommonName: commonNameOf(certificate.issuer),
    serialNumber: plainSerial(certificate.serialNumber.valueBlock.valueHexView),
    key,
    publicKey: createHash("sha256").update(key.spki).digest("hex"),
    ...keyIdentifiers(extensions),
    // Frozen: user functions receive them, and many handshakes share a reading.
    alternativeNames: Object.freeze(alternative),
    uris: names.uris,
    names,
    hosts: Object.freeze(hosts.map(({ text }) => text)),
    isAuthority: constraints?.cA === true,
    pathLength: typeof pathLength === "number" ? pathLength : undefined,
    keyUsages: readKeyUsages(extensions.get(oid.keyUsage) as BitString | undefined),
    purposes: readPurposes(extensions.get(oid.extKeyUsage) as ExtKeyUsage | undefined),
    nameConstraints: readNameConstraints(extensions.get(oid.nameConstraints)),
    unknownCriticalExtensions: unknownCritical(certificate.extensions ?? []),
    notBefore: certificate.notBefore.value.getTime(),
    notAfter: certificate.notAfter.value.getTime(),
    fingerprint: createHash("sha256").update(bytes).digest("hex"),
  });
}

/** The extensions that are read here, by number. */
function readExtensions({ extensions = [] }: Certificate): Map<string, unknown> {
  const values = new Map<string, unknown>();
  for (const { extnID, parsedValue } of extensions) {
    const type = readers[extnID];
    if (type === undefined) continue;
    // RFC 5280, 4.2: each at most once. Which of two counts would differ from library to library.
    if (values.has(extnID)) throw new Error(`it has the extension ${extnID} twice`);
    // A restriction that cannot be read must not be taken for none.
    if (!(parsedValue instanceof type)) throw new Error(`its extension ${extnID} cannot be read`);
    values.set(extnID, parsedValue);
  }
  return values;
}

function unknownCritical(extensions: readonly Extension[]): string[] {
  return extensions.filter(({ critical, extnID }) => critical && !(extnID in readers))
    .map(({ extnID }) => {
      const name = extensionNames[extnID];
      return name === undefined ? extnID : `${name} (${extnID})`;
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

function keyIdentifiers(
  extensions: ReadonlyMap<string, unknown>,
): Pick<CertificateReading, "subjectKeyId" | "authorityKeyId"> {
  const subject = extensions.get(oid.subjectKeyIdentifier) as OctetString | undefined;
  const authority = extensions.get(oid.authorityKeyIdentifier) as
    | AuthorityKeyIdentifier
    | undefined;
  return {
    subjectKeyId: subject && hex(subject.valueBlock.valueHexView),
    authorityKeyId: authority?.keyIdentifier &&
      hex(authority.keyIdentifier.valueBlock.valueHexView),
  };
}

function readKeyUsages(bits: BitString | undefined): KeyUsage[] | undefined {
  if (bits === undefined) return undefined;
  const bytes = bits.valueBlock.valueHexView;
  return keyUsageNames.filter((_, bit) => ((bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0);
}

function readPurposes(usage: ExtKeyUsage | undefined): string[] | undefined {
  return usage?.keyPurposes.map((id) => purposeNames[id] ?? id);
}

function hex(bytes: ArrayBuffer | Uint8Array): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
