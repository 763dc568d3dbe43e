import { type CertificateReading, readCertificate as read } from "../../x509/certificate.ts";
import { type CertificateClass, identitiesOf } from "../../x509/identity.ts";
import { CertError } from "../errors.ts";
import { decodePem } from "./pem.ts";

/**
 * The role of a certificate's holder: an authority; a node, a client or an admin, by its URI name;
 * or something that is none of them.
 */
export type CertificateRole = "authority" | CertificateClass | "other";

/** The content of a certificate for display. */
export interface CertificateInfo {
  /** Common name of the subject, if it has one. */
  readonly commonName: string | undefined;
  /** Common name of the issuer, if it has one. */
  readonly issuer: string | undefined;
  /** Whether it may issue certificates. */
  readonly isAuthority: boolean;
  /** Start of validity. */
  readonly notBefore: Date;
  /** End of validity. */
  readonly notAfter: Date;
  /** DNS names, in their order. */
  readonly dnsNames: readonly string[];
  /** IP addresses, in their order. */
  readonly ipAddresses: readonly string[];
  /** DNS names, IP addresses and URI names, in the order of the certificate. */
  readonly names: readonly string[];
  /** URI names; one of them makes a node, a client or an admin. */
  readonly uris: readonly string[];
  /** Key usages, such as `digitalSignature`; empty: not restricted. */
  readonly keyUsages: readonly string[];
  /** Extended key usages: `serverAuth`, `clientAuth`, or the object identifier of another one. */
  readonly purposes: readonly string[];
  /** The role of its holder. */
  readonly role: CertificateRole;
  /** Serial number, upper-case hexadecimal without leading zeros. */
  readonly serial: string;
  /** Such as `p256`, `ed25519` or `rsa 2048`. */
  readonly keyType: string;
  /** How its authority has signed it, such as `ECDSA with SHA256`, or `Ed25519`. */
  readonly algorithm: string;
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly fingerprint: string;
}

/**
 * Reads the first certificate of a PEM text.
 *
 * @throws {CertError} code `malformed`.
 */
// deno-lint-ignore require-await -- public, and rejects as the others do
export async function readCertificate(pem: string): Promise<CertificateInfo> {
  return describeCertificate(parseCertificate(decodePem("CERTIFICATE", pem)));
}

/**
 * Reads a certificate.
 *
 * @throws {CertError} code `malformed`.
 */
export function parseCertificate(der: Uint8Array): CertificateReading {
  try {
    return read(der);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CertError("malformed", `the PEM block holds no certificate: ${why}`, {
      cause,
      remedy: "check that it is the right file",
    });
  }
}

/** The content of a certificate for display. */
export function describeCertificate(reading: CertificateReading): CertificateInfo {
  const { alternativeNames, names, isAuthority, uris } = reading;
  const shown = alternativeNames.filter(({ type, text }) => {
    return text !== "" && (type === "dns" || type === "ip" || type === "uri");
  });
  return {
    commonName: reading.commonName,
    issuer: reading.issuerCommonName,
    isAuthority,
    notBefore: new Date(reading.notBefore),
    notAfter: new Date(reading.notAfter),
    dnsNames: names.dnsNames,
    ipAddresses: names.ipAddresses,
    names: shown.map(({ text }) => text),
    uris,
    keyUsages: reading.keyUsages ?? [],
    purposes: reading.purposes ?? [],
    role: isAuthority ? "authority" : roleOf(reading),
    serial: reading.serialNumber,
    keyType: reading.key.name,
    algorithm: reading.signatureAlgorithm.name,
    fingerprint: reading.fingerprint,
  };
}

/** Exactly one URI name of a node, client or admin: with two the role would be ambiguous. */
function roleOf(reading: CertificateReading): CertificateRole {
  const [first, ...more] = identitiesOf(reading);
  return first === undefined || more.length > 0 ? "other" : first.kind;
}
