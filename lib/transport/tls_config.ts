import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { Certificate } from "pkijs";
import type { Clock } from "../runtime/clock.ts";
import type { TlsMaterial } from "../runtime/network.ts";
import { systemClock } from "../runtime/system_clock.ts";
import { type CertificateReading, describeCertificate, readCertificate } from "./certificate.ts";
import { TlsConfigError } from "./errors.ts";
import { identityOf, judgeCertificate } from "./peer_identity.ts";
import { pemBlocks, pemCertificates } from "./pem.ts";

/** Where the PEM files are. */
export interface TlsPaths {
  /** This end's certificate, followed by intermediates if there are any. */
  readonly certFile: string;
  /** The private key of the certificate. Default: it stands in `certFile`. */
  readonly keyFile?: string;
  /** The authorities that peers must chain to. Nothing else is trusted. */
  readonly caFile: string;
  /** Accepts a private key that group or others may read. Default: false. */
  readonly allowOpenKeyFile?: boolean;
  /** Tells whether the certificate is valid now. Default: the machine's clock. */
  readonly clock?: Clock;
}

/** PEM texts. */
export interface TlsTexts extends TlsMaterial {
  /** Tells whether the certificate is valid now. Default: the machine's clock. */
  readonly clock?: Clock;
}

/** Larger files are not PEM files of ours. */
const maxFileSize = 1 << 20;

/**
 * Certificate, private key and authorities of one end of mutual TLS, checked when they are loaded:
 * whatever a peer would refuse later is an error here, where it can be explained.
 */
export class TlsConfig implements TlsMaterial {
  /** PEM of the certificate and its intermediates. */
  readonly cert: string;
  /** PEM of the private key, PKCS#8. */
  readonly key: string;
  /** PEM of the authorities. */
  readonly ca: string;
  /** Which class of peer the certificate makes of its holder. */
  readonly kind: "node" | "client";
  /** The last part of the URI name: the node or client that the certificate was issued to. */
  readonly name: string;
  /** DNS names and IP addresses that the certificate covers. */
  readonly hosts: readonly string[];
  /** End of validity, milliseconds since the Unix epoch. */
  readonly notAfter: number;

  private constructor(material: TlsMaterial, reading: CertificateReading) {
    this.cert = material.cert;
    this.key = material.key;
    this.ca = material.ca;
    const { kind, name, hosts, notAfter } = identityOf(reading);
    this.kind = kind;
    this.name = name;
    this.hosts = hosts;
    this.notAfter = notAfter;
  }

  /**
   * Reads and checks PEM files.
   *
   * @throws {TlsConfigError} naming the file.
   */
  static async fromPaths(paths: TlsPaths): Promise<TlsConfig> {
    const keyFile = paths.keyFile ?? paths.certFile;
    const cert = (await readFile(paths.certFile)).text;
    const ca = (await readFile(paths.caFile)).text;
    const { text: key, mode } = await readFile(keyFile);
    if (paths.allowOpenKeyFile !== true) checkPrivate(keyFile, mode);
    const names = { cert: paths.certFile, key: keyFile, ca: paths.caFile };
    return new TlsConfig(...await check({ cert, key, ca }, names, paths.clock ?? systemClock));
  }

  /**
   * Checks PEM texts.
   *
   * @throws {TlsConfigError} naming the text: `cert`, `key` or `ca`.
   */
  static async fromPem(texts: TlsTexts): Promise<TlsConfig> {
    const names = { cert: "cert", key: "key", ca: "ca" };
    return new TlsConfig(...await check(texts, names, texts.clock ?? systemClock));
  }
}

type Names = Readonly<Record<"cert" | "key" | "ca", string>>;

async function check(
  texts: TlsMaterial,
  names: Names,
  clock: Clock,
): Promise<[TlsMaterial, CertificateReading]> {
  const authorities = readAuthorities(texts.ca, names.ca);
  const [leaf, ...intermediates] = readCertificates(texts.cert, names.cert);
  const key = readKey(texts.key, names.key);
  checkPair(texts.cert, key, names.cert, names.key);
  const chain = intermediates.map(({ certificate }) => certificate);
  const verdict = await judgeCertificate(leaf!, chain, authorities, clock.wallTime());
  if (!verdict.accepted) {
    const problem = `the certificate of ${describeCertificate(leaf!)} ${verdict.problem}`;
    throw new TlsConfigError(verdict.fault, names.cert, problem, { remedy: verdict.remedy });
  }
  // Only what belongs there: a certificate file may hold the key as well.
  const material = {
    cert: certificatesOnly(texts.cert),
    key: String(key.export({ type: "pkcs8", format: "pem" })),
    ca: certificatesOnly(texts.ca),
  };
  return [material, leaf!];
}

async function readFile(path: string): Promise<{ text: string; mode: number | null }> {
  try {
    const { size, isFile, mode } = await Deno.stat(path);
    if (!isFile) throw new Error("it is not a file");
    if (size > maxFileSize) throw new Error(`it is larger than ${maxFileSize} bytes`);
    return { text: await Deno.readTextFile(path), mode };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TlsConfigError("unreadable", path, `cannot be read: ${why}`, {
      remedy: "check the path, its permissions and Deno's --allow-read",
      cause,
    });
  }
}

function checkPrivate(path: string, mode: number | null): void {
  // Windows has no mode.
  if (mode === null || (mode & 0o077) === 0) return;
  const octal = (mode & 0o777).toString(8).padStart(4, "0");
  throw new TlsConfigError(
    "openKeyFile",
    path,
    `the private key can be read by others than its owner (mode ${octal})`,
    { value: octal, remedy: `run chmod 600 ${path}, or set allowOpenKeyFile` },
  );
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

function readAuthorities(text: string, file: string): Certificate[] {
  const readings = readCertificates(text, file);
  const leaf = readings.find(({ isAuthority }) => !isAuthority);
  if (leaf !== undefined) {
    const problem = `the certificate of ${describeCertificate(leaf)} is not that of an authority`;
    throw new TlsConfigError("wrongUse", file, problem, {
      remedy: "put only authorities here, as made by cert.ts create-ca",
    });
  }
  return readings.map(({ certificate }) => certificate);
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

function checkPair(cert: string, key: KeyObject, certFile: string, keyFile: string): void {
  let matches: boolean;
  try {
    matches = new X509Certificate(certificatesOnly(cert)).checkPrivateKey(key);
  } catch (cause) {
    throw malformed(certFile, "a certificate in it cannot be parsed", cause);
  }
  if (matches) return;
  const problem = `it is not the private key of the certificate in ${certFile}`;
  throw new TlsConfigError("keyMismatch", keyFile, problem, {
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
