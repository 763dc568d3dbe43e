import type { IdentityMapping } from "../../runtime/identity_mapping.ts";
import type { Authorize } from "../../runtime/network.ts";
import { platform } from "../../runtime/platform.ts";
import type { Clock } from "../../runtime/clock.ts";
import { pemText } from "../../x509/pem.ts";
import { TlsConfigError } from "../base/errors.ts";

/** Where the PEM files are. */
export interface TlsPaths {
  /**
   * This end's certificate, and intermediates if there are any, in any order: the private key says
   * which one is its own. PEM, or one certificate in DER.
   */
  readonly certFile: string;
  /** The private key of the certificate. Default: it stands in `certFile`. */
  readonly keyFile?: string;
  /** The authorities that peers must chain to, PEM or one in DER. Nothing else is trusted. */
  readonly caFile: string;
  /**
   * Certificates that the authorities have revoked: one or more PEM blocks `X509 CRL`, or one list
   * in DER. The signature is checked. A node refuses what an authority with an outdated list has issued,
   * a client only warns of it; see `crlRequired`.
   */
  readonly crlFile?: string;
  /**
   * `true`: refuses peers whose authority has no list in force in `crlFile`. `false`: an outdated
   * list still counts, and refuses no more than it names. Default: a node refuses peers whose
   * authority has only outdated lists.
   */
  readonly crlRequired?: boolean;
  /** SHA-256 fingerprints, of certificates or of public keys, whose holders are refused. */
  readonly denyList?: readonly string[];
  /** A file with more of them: one a line, `#` starts a comment. */
  readonly denyListFile?: string;
  /**
   * Which certificates are nodes and which are clients, this end's own included: for certificates of
   * another PKI, which have no URI name `spiffe://<domain>/node/<name>` or `.../client/<name>`. With
   * patterns, peers of other trust domains connect if a pattern names their domain. Default: those
   * URI names, of the trust domain of this end. See `docs/foreign_pki.md`.
   */
  readonly identity?: IdentityMapping;
  /** Decides about each peer whose certificate is acceptable. Default: all may connect. */
  readonly authorize?: Authorize;
  /**
   * Takes over files that change while a node or client runs with them: for new connections, and
   * revoked peers are cut off. What cannot be used is reported and not taken over. Default: false.
   */
  readonly watch?: boolean;
  /**
   * Milliseconds after which the files are checked, whether the system has reported a change or
   * not. At least 100. Default 10 000.
   */
  readonly watchInterval?: number;
  /** Accepts a private key that group or others may read. Default: false. */
  readonly allowOpenKeyFile?: boolean;
  /** Clock for the validity check of certificates. Default: the machine's clock. */
  readonly clock?: Clock;
}

/** What stands in the files. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  readonly crl: Uint8Array | undefined;
  readonly denied: string | undefined;
}

/** The options of {@linkcode TlsPaths} that name a file, in the order in which they are read. */
export const fileOptions = ["certFile", "caFile", "keyFile", "crlFile", "denyListFile"] as const;

/** Larger files are not PEM files of ours. */
const maxFileSize = 1 << 20;
/** A list of revoked certificates grows. */
const maxListSize = 16 << 20;

/**
 * Reads all files.
 *
 * @throws {TlsConfigError} codes `unreadable` and `openKeyFile`, naming the file.
 */
export async function readTlsFiles(paths: TlsPaths): Promise<TlsFiles> {
  const keyFile = paths.keyFile ?? paths.certFile;
  const cert = pemText((await readFile(paths.certFile)).bytes);
  const ca = pemText((await readFile(paths.caFile)).bytes);
  const { bytes: key, mode } = await readFile(keyFile);
  checkIsKey(keyFile, decode(key));
  if (paths.allowOpenKeyFile !== true) checkPrivate(keyFile, mode);
  const { crlFile, denyListFile } = paths;
  const crl = crlFile === undefined ? undefined : (await readFile(crlFile, maxListSize)).bytes;
  const denied = denyListFile === undefined
    ? undefined
    : decode((await readFile(denyListFile, maxListSize)).bytes);
  return { cert, key: decode(key), ca, crl, denied };
}

/** The private key of an authority beside the key of this end, if it lies where cert.ts puts it. */
export async function exposedAuthorityKey(paths: TlsPaths): Promise<string | undefined> {
  const keyFile = paths.keyFile ?? paths.certFile;
  const folder = keyFile.slice(0, keyFile.lastIndexOf("/") + 1);
  for (const file of [`${folder}ca.key`, `${folder}ca-key.pem`]) {
    if (file === keyFile) continue;
    if (await platform.files.exists(file)) return file;
  }
  return undefined;
}

async function readFile(
  path: string,
  limit = maxFileSize,
): Promise<{ bytes: Uint8Array; mode: number | null }> {
  try {
    const { size, isFile, mode } = await platform.files.stat(path);
    if (!isFile) throw new Error("it is not a file");
    if (size > limit) throw new Error(`it is larger than ${limit} bytes`);
    return { bytes: await platform.files.readFile(path), mode };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TlsConfigError("unreadable", path, `cannot be read: ${why}`, {
      remedy: platform.process.permissionRemedies.read,
      cause,
    });
  }
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** A certificate may be read by all: a mode that fits it is no fault of a key. */
function checkIsKey(path: string, text: string): void {
  if (/PRIVATE KEY-----/.test(text) || !/-----BEGIN (?:TRUSTED )?CERTIFICATE-----/.test(text)) {
    return;
  }
  throw new TlsConfigError("malformed", path, "it holds a certificate and no private key", {
    remedy: "name the file of the key in keyFile, and that of the certificate in certFile",
  });
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
