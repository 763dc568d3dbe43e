import { createPrivateKey, type KeyObject } from "node:crypto";
import { type CertificateReading, readCertificate } from "../../x509/certificate.ts";
import { maxChainLength } from "../../x509/chain.ts";
import { X509Error } from "../../x509/errors.ts";
import {
  type CertificateIdentity,
  describeCertificate,
  type IdentityMapper,
} from "../../x509/identity.ts";
import { bundleFault, judge, keyRemedy } from "../../x509/judge.ts";
import { chainText, orderChain } from "../../x509/key_pair.ts";
import { encodePem, pemCertificates } from "../../x509/pem.ts";
import { TlsConfigError } from "../base/errors.ts";
import { certTool } from "../../runtime/cert_tool.ts";

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
  /** The role of this end in its certificate. */
  readonly identity: CertificateIdentity;
  /** All authorities of `ca`, and the intermediates that came with the certificate. */
  readonly issuers: readonly CertificateReading[];
}

/** Names of the three texts in errors. */
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
  const certificates = readCertificates(texts.cert, names.cert);
  const key = readKeyOf(certificates, texts.key, names);
  const chain = orderChain(certificates, key);
  if (chain === undefined) throw keyMismatch(certificates, names);
  const { leaf, intermediates } = chain;
  const verdict = judge({ leaf, intermediates, authorities, now: wallTime, mapper });
  if (!verdict.accepted) {
    const problem = `the certificate of ${describeCertificate(leaf)} ${verdict.problem}`;
    throw new TlsConfigError(verdict.fault, names.cert, problem, { remedy: verdict.remedy });
  }
  return {
    // Leaf first, and nothing but certificates: the file may hold the key as well.
    cert: chainText(chain, maxChainLength),
    key: String(key.export({ type: "pkcs8", format: "pem" })),
    ca: authorities.map(({ der }) => encodePem("CERTIFICATE", der)).join(""),
    path: verdict.path,
    identity: verdict.identity,
    issuers: [...authorities, ...intermediates.filter(({ isAuthority }) => isAuthority)],
  };
}

function keyMismatch(
  certificates: readonly CertificateReading[],
  names: TextNames,
): TlsConfigError {
  const [first] = certificates;
  const problem = `it is not the private key of the certificate in ${names.cert}`;
  if (first?.isAuthority && certificates.every(({ isAuthority }) => isAuthority)) {
    const whose = `, which is that of an authority (${describeCertificate(first)})`;
    return new TlsConfigError("keyMismatch", names.key, problem + whose, {
      remedy: `name the certificate of this end there, and its authority in ${names.ca} only`,
    });
  }
  return new TlsConfigError("keyMismatch", names.key, problem, {
    remedy: "use the key that was made together with the certificate",
  });
}

function readCertificates(text: string, file: string): CertificateReading[] {
  let readings: CertificateReading[];
  try {
    readings = pemCertificates(text).map(readCertificate);
  } catch (cause) {
    const problem = cause instanceof X509Error ? cause.problem : String((cause as Error).message);
    throw malformed(file, `a certificate in it cannot be parsed: ${problem}`, cause);
  }
  if (readings.length === 0) {
    const other = /-----BEGIN ([A-Z0-9 ]{1,40})-----/.exec(text)?.[1];
    const found = other === undefined ? "" : ` but ${other}`;
    throw malformed(file, `it holds no PEM block CERTIFICATE${found}`);
  }
  return readings;
}

function readAuthorities(text: string, file: string): CertificateReading[] {
  const readings = readCertificates(text, file);
  const bundle = bundleFault(readings);
  if (bundle === undefined) return readings;
  const { fault, problem, remedy } = bundle;
  throw new TlsConfigError(fault, file, `a certificate in it ${problem}`, { remedy });
}

/** A key that this runtime does not know is reported as a fault of the certificate, not of the file. */
function readKeyOf(
  certificates: readonly CertificateReading[],
  text: string,
  names: TextNames,
): KeyObject {
  try {
    return readKey(text, names.key);
  } catch (error) {
    const { leaf } = orderChain(certificates)!;
    if (leaf.key.fault === undefined || !(error instanceof TlsConfigError)) throw error;
    const { code, problem } = leaf.key.fault;
    const subject = describeCertificate(leaf);
    throw new TlsConfigError(code, names.cert, `the certificate of ${subject} ${problem}`, {
      remedy: keyRemedy,
      cause: error,
    });
  }
}

function readKey(text: string, file: string): KeyObject {
  const first = /-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----[^]{0,65536}?-----END \1-----/.exec(text);
  if (first?.[1] === "ENCRYPTED PRIVATE KEY" || /^Proc-Type: .*ENCRYPTED/m.test(text)) {
    throw new TlsConfigError("encryptedKey", file, "the private key is encrypted", {
      remedy: "decrypt it with openssl pkey -in FILE -out FILE.plain, and keep that file at 0600",
    });
  }
  if (first === null) throw malformed(file, "it holds no PEM block PRIVATE KEY");
  try {
    return createPrivateKey(first[0]);
  } catch (cause) {
    throw new TlsConfigError("malformed", file, "the private key in it cannot be parsed", {
      remedy: "convert it to PKCS#8: openssl pkcs8 -topk8 -nocrypt -in FILE -out FILE.p8",
      cause,
    });
  }
}

function malformed(file: string, problem: string, cause?: unknown): TlsConfigError {
  return new TlsConfigError("malformed", file, problem, {
    remedy: `use a PEM file as ${certTool} writes it`,
    cause,
  });
}
