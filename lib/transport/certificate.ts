import { createHash } from "node:crypto";
import { AltName, BasicConstraints, Certificate, ExtKeyUsage, type GeneralName } from "pkijs";
import { ipText } from "./host_names.ts";

/** Which class of peer a certificate is made for. */
export type CertificateClass = "node" | "client";

/** What a certificate says about its subject. Nothing of it is verified yet. */
export interface CertificateReading {
  /** The parsed certificate, for chain verification. */
  readonly certificate: Certificate;
  /** URI names of Casty: `spiffe://<domain>/node/<name>` or `.../client/<name>`. */
  readonly identities: readonly CertificateName[];
  /** DNS names and IP addresses. */
  readonly hosts: readonly string[];
  readonly isAuthority: boolean;
  readonly serverAuth: boolean;
  readonly clientAuth: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly notBefore: number;
  /** Milliseconds since the Unix epoch. */
  readonly notAfter: number;
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly fingerprint: string;
}

/** A URI name of Casty, taken apart. */
export interface CertificateName {
  readonly kind: CertificateClass;
  readonly domain: string;
  readonly name: string;
}

// SPIFFE-ID 2.1 and 2.2: letters, digits, dots, dashes and underscores; the domain in lower case.
const uriName = /^spiffe:\/\/([a-z0-9._-]{1,255})\/(node|client)\/([A-Za-z0-9._-]{1,255})$/;

const oid = {
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  extKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
};
const uriType = 6;
const dnsType = 2;
const ipType = 7;

/**
 * Reads a certificate. Deno's `getPeerCertificate` shows neither extended key usages nor URI
 * names, so the raw bytes are parsed here.
 *
 * @throws {Error} when the bytes are no X.509 certificate.
 */
export function readCertificate(der: Uint8Array): CertificateReading {
  const certificate = Certificate.fromBER(Uint8Array.from(der));
  const parsed = <T>(id: string, type: abstract new (...args: never[]) => T): T | undefined => {
    const value = certificate.extensions?.find((extension) => extension.extnID === id)?.parsedValue;
    return value instanceof type ? value : undefined;
  };
  const names = parsed(oid.subjectAltName, AltName)?.altNames ?? [];
  const usages = parsed(oid.extKeyUsage, ExtKeyUsage)?.keyPurposes ?? [];
  return {
    certificate,
    identities: identitiesOf(names),
    hosts: hostsOf(names),
    isAuthority: parsed(oid.basicConstraints, BasicConstraints)?.cA === true,
    serverAuth: usages.includes(oid.serverAuth),
    clientAuth: usages.includes(oid.clientAuth),
    notBefore: certificate.notBefore.value.getTime(),
    notAfter: certificate.notAfter.value.getTime(),
    fingerprint: createHash("sha256").update(der).digest("hex"),
  };
}

/** `"node node-1"` or `"client reports"`, or the common name of a certificate without a class. */
export function describeCertificate(reading: CertificateReading): string {
  const identity = reading.identities[0];
  if (identity !== undefined) return `${identity.kind} ${identity.name}`;
  const commonName = reading.certificate.subject.typesAndValues.find((part) => {
    return part.type === "2.5.4.3";
  });
  return String(commonName?.value.valueBlock.value ?? reading.hosts[0] ?? "an unnamed subject");
}

function identitiesOf(names: readonly GeneralName[]): CertificateName[] {
  const identities: CertificateName[] = [];
  for (const { type, value } of names) {
    const match = type === uriType ? uriName.exec(String(value)) : null;
    if (match !== null) {
      identities.push({ kind: match[2] as CertificateClass, domain: match[1]!, name: match[3]! });
    }
  }
  return identities;
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
