import { BitString } from "asn1js";
import { Buffer } from "node:buffer";
import { createPublicKey } from "node:crypto";
import { AltName, BasicConstraints, Certificate, ExtKeyUsage } from "pkijs";
import { identitiesOf } from "../../x509/identity.ts";
import { CertError } from "../errors.ts";
import { describeKey } from "./key_type.ts";
import { decodePem } from "./pem.ts";

/**
 * What a certificate makes of its holder: an authority; a node or a client, by its URI name; or
 * something that is none of them.
 */
export type CertificateRole = "authority" | "node" | "client" | "other";

/** What a certificate says, for people. */
export interface CertificateInfo {
  /** Common name of the subject, if it has one. */
  readonly commonName: string | undefined;
  /** Common name of the issuer, if it has one. */
  readonly issuer: string | undefined;
  /** Whether it may issue certificates. */
  readonly isAuthority: boolean;
  /** Beginning of validity. */
  readonly notBefore: Date;
  /** End of validity. */
  readonly notAfter: Date;
  /** DNS names, in their order. */
  readonly dnsNames: readonly string[];
  /** IP addresses, in their order. */
  readonly ipAddresses: readonly string[];
  /** DNS names, IP addresses and URI names, in the order of the certificate. */
  readonly names: readonly string[];
  /** URI names; one of them makes a node or a client. */
  readonly uris: readonly string[];
  /** What the key may be used for, such as `digitalSignature`. */
  readonly keyUsages: readonly string[];
  /** What it may be used for: `serverAuth`, `clientAuth`, or the number of something else. */
  readonly purposes: readonly string[];
  /** What the certificate makes of its holder. */
  readonly role: CertificateRole;
  /** Serial number, upper-case hexadecimal without leading zeros. */
  readonly serial: string;
  /** Such as `p256`, `ed25519` or `rsa 2048`. */
  readonly keyType: string;
  /** Such as `EC + SHA256`, or `Ed25519`. */
  readonly algorithm: string;
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly fingerprint: string;
}

const purposeNames: Readonly<Record<string, string>> = {
  "1.3.6.1.5.5.7.3.1": "serverAuth",
  "1.3.6.1.5.5.7.3.2": "clientAuth",
};
/** By bit, RFC 5280, 4.2.1.3. */
const usageNames = [
  "digitalSignature",
  "nonRepudiation",
  "keyEncipherment",
  "dataEncipherment",
  "keyAgreement",
  "keyCertSign",
  "cRLSign",
  "encipherOnly",
  "decipherOnly",
];
const keyNames: Readonly<Record<string, string>> = {
  "1.2.840.10045.2.1": "EC",
  "1.2.840.113549.1.1.1": "RSA",
  "1.3.101.112": "Ed25519",
};
const hashNames: Readonly<Record<string, string>> = {
  "1.2.840.10045.4.3.2": "SHA256",
  "1.2.840.10045.4.3.3": "SHA384",
  "1.2.840.10045.4.3.4": "SHA512",
  "1.2.840.113549.1.1.11": "SHA256",
  "1.2.840.113549.1.1.12": "SHA384",
  "1.2.840.113549.1.1.13": "SHA512",
  "1.3.101.112": "Ed25519",
};

/**
 * Reads the first certificate of a PEM text.
 *
 * @throws {CertError} code `malformed`.
 */
export async function readCertificate(pem: string): Promise<CertificateInfo> {
  const der = decodePem("CERTIFICATE", pem);
  try {
    return describeCertificate(
      Certificate.fromBER(der),
      hex(await crypto.subtle.digest("SHA-256", der)),
    );
  } catch (cause) {
    throw new CertError("malformed", "the PEM block holds no certificate", {
      cause,
      remedy: "check that it is the right file",
    });
  }
}

/** What a parsed certificate says. */
export function describeCertificate(
  certificate: Certificate,
  fingerprint: string,
): CertificateInfo {
  const parsed = <T>(type: abstract new (...args: never[]) => T): T | undefined =>
    certificate.extensions?.map(({ parsedValue }) => parsedValue)
      .find((value): value is T => value instanceof type);
  const names = parsed(AltName)?.altNames ?? [];
  const named = names.flatMap(({ type, value }) => {
    if (type === 2 || type === 6) return [{ type, text: String(value) }];
    return type === 7 ? [{ type, text: ipText(value.valueBlock.valueHexView) }] : [];
  });
  const texts = (type: number) =>
    named.filter((name) => name.type === type).map(({ text }) => text);
  const uris = texts(6);
  const isAuthority = parsed(BasicConstraints)?.cA === true;
  return {
    commonName: commonName(certificate.subject),
    issuer: commonName(certificate.issuer),
    isAuthority,
    notBefore: certificate.notBefore.value,
    notAfter: certificate.notAfter.value,
    dnsNames: texts(2),
    ipAddresses: texts(7),
    names: named.map(({ text }) => text),
    uris,
    keyUsages: keyUsages(certificate),
    purposes: parsed(ExtKeyUsage)?.keyPurposes.map((id) => purposeNames[id] ?? id) ?? [],
    role: isAuthority ? "authority" : roleOf(uris),
    serial: serialText(certificate.serialNumber.valueBlock.valueHexView),
    keyType: keyText(certificate),
    algorithm: algorithmText(certificate),
    fingerprint,
  };
}

/** One URI name that makes a node or a client makes one; two would make it both. */
function roleOf(uris: readonly string[]): CertificateRole {
  const [first, ...more] = identitiesOf({ uris });
  return first === undefined || more.length > 0 ? "other" : first.kind;
}

/** Upper-case hexadecimal without leading zeros. */
export function serialText(bytes: Uint8Array): string {
  return hex(Uint8Array.from(bytes).buffer).toUpperCase().replace(/^0+(?=.)/, "");
}

function keyText({ subjectPublicKeyInfo }: Certificate): string {
  try {
    const key = Buffer.from(subjectPublicKeyInfo.toSchema().toBER());
    return describeKey(createPublicKey({ key, type: "spki", format: "der" }));
  } catch {
    return subjectPublicKeyInfo.algorithm.algorithmId;
  }
}

function algorithmText(certificate: Certificate): string {
  const key = certificate.subjectPublicKeyInfo.algorithm.algorithmId;
  const hash = certificate.signatureAlgorithm.algorithmId;
  const names = [keyNames[key] ?? key, hashNames[hash] ?? hash];
  return [...new Set(names)].join(" + ");
}

function keyUsages(certificate: Certificate): string[] {
  const bits = certificate.extensions?.find(({ extnID }) => extnID === "2.5.29.15")?.parsedValue;
  if (!(bits instanceof BitString)) return [];
  const bytes = bits.valueBlock.valueHexView;
  return usageNames.filter((_, bit) => ((bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0);
}

function commonName(name: Certificate["subject"]): string | undefined {
  const attribute = name.typesAndValues.find(({ type }) => type === "2.5.4.3");
  return attribute === undefined ? undefined : String(attribute.value.valueBlock.value);
}

function ipText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups: string[] = [];
  for (let i = 0; i < bytes.length; i += 2) {
    groups.push(((bytes[i]! << 8) | bytes[i + 1]!).toString(16));
  }
  return URL.parse(`http://[${groups.join(":")}]/`)?.hostname.slice(1, -1) ?? groups.join(":");
}

function hex(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
