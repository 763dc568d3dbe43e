import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { type CertificateReading, readCertificate } from "../../x509/certificate.ts";
import {
  type CertificateIdentity,
  describeCertificate,
  type IdentityMapper,
} from "../../x509/identity.ts";
import { TlsConfigError } from "../base/errors.ts";
import { judgeCertificate } from "../../x509/judge.ts";
import { pemBlocks, pemCertificates } from "../../x509/pem.ts";

/** Certificate, key and authorities that fit together. */
export interface CheckedPair {
  /** PEM, and nothing else in it. */
  readonly cert: string;
  /** PKCS#8 PEM. */
  readonly key: string;
  /** PEM, and nothing else in it. */
  readonly ca: string;
  /** From the own certificate to the authority that vouches for it. */
  readonly path: readonly CertificateReading[];
  /** What the own certificate makes of this end. */
  readonly identity: CertificateIdentity;
  /** All authorities of `ca`, and the intermediates that came with the certificate. */
  readonly issuers: readonly CertificateReading[];
}

/** What errors call the three texts. */
export type TextNames = Readonly<Record<"cert" | "key" | "ca", string>>;

/**
 * Checks all that a peer would check, and that the key is that of the certificate.
 *
 * @throws {TlsConfigError} naming the text that is to blame.
 */
export function checkPair(
  texts: { readonly cert: string; readonly key: string; readonly ca: string },
  names: TextNames,
  wallTime: number,
  mapper: IdentityMapper,
): CheckedPair {
  const authorities = readAuthorities(texts.ca, names.ca);
  const [leaf, ...intermediates] = readCertificates(texts.cert, names.cert);
  const key = readKey(texts.key, names.key);
  checkKey(texts.cert, key, names);
  const verdict = judgeCertificate(leaf!, intermediates, authorities, wallTime, mapper);
  if (!verdict.accepted) {
    const problem = `the certificate of ${describeCertificate(leaf!)} ${verdict.problem}`;
    throw new TlsConfigError(verdict.fault, names.cert, problem, { remedy: verdict.remedy });
  }
  return {
    // Only what belongs there: a certificate file may hold the key as well.
    cert: certificatesOnly(texts.cert),
    key: String(key.export({ type: "pkcs8", format: "pem" })),
    ca: certificatesOnly(texts.ca),
    path: verdict.path,
    identity: verdict.identity,
    issuers: [...authorities, ...intermediates.filter(({ isAuthority }) => isAuthority)],
  };
}

function readCertificates(text: string, file: string): CertificateReading[] {
  let readings: CertificateReading[];
  try {
    readings = pemCertificates(text).map(readCertificate);
  } catch (cause) {
    throw malformed(file, "a certificate in it cannot be parsed", cause);
  }
  if (readings.length === 0) throw malformed(file, "it holds no PEM block CERTIFICATE");
  return readings;
}

function readAuthorities(text: string, file: string): CertificateReading[] {
  const readings = readCertificates(text, file);
  const leaf = readings.find(({ isAuthority }) => !isAuthority);
  if (leaf !== undefined) {
    const problem = `the certificate of ${describeCertificate(leaf)} is not that of an authority`;
    throw new TlsConfigError("wrongUse", file, problem, {
      remedy: "put only authorities here, as made by cert.ts create-ca",
    });
  }
  return readings;
}

function readKey(text: string, file: string): KeyObject {
  const keys = pemBlocks(text).filter(({ label }) => label.endsWith("PRIVATE KEY"));
  if (keys[0]?.label === "ENCRYPTED PRIVATE KEY" || /^Proc-Type: .*ENCRYPTED/m.test(text)) {
    throw new TlsConfigError("encryptedKey", file, "the private key is encrypted", {
      remedy: "decrypt it with openssl pkey -in FILE -out FILE.plain, and keep that file at 0600",
    });
  }
  if (keys.length === 0) throw malformed(file, "it holds no PEM block PRIVATE KEY");
  const first = /-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----[^-]*-----END \1-----/.exec(text)![0];
  try {
    return createPrivateKey(first);
  } catch (cause) {
    throw malformed(file, "the private key in it cannot be parsed", cause);
  }
}

function checkKey(cert: string, key: KeyObject, names: TextNames): void {
  let matches: boolean;
  try {
    matches = new X509Certificate(certificatesOnly(cert)).checkPrivateKey(key);
  } catch (cause) {
    throw malformed(names.cert, "a certificate in it cannot be parsed", cause);
  }
  if (matches) return;
  const problem = `it is not the private key of the certificate in ${names.cert}`;
  throw new TlsConfigError("keyMismatch", names.key, problem, {
    remedy: "use the key that was made together with the certificate",
  });
}

function certificatesOnly(text: string): string {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  return `${blocks.join("\n")}\n`;
}

function malformed(file: string, problem: string, cause?: unknown): TlsConfigError {
  return new TlsConfigError("malformed", file, problem, {
    remedy: "use a PEM file as cert.ts writes it",
    cause,
  });
}
