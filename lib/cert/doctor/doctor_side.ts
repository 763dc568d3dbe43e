import { platform } from "../../runtime/platform.ts";
import { createPrivateKey, type KeyObject } from "node:crypto";
import { readText } from "../authority/certificate_files.ts";
import type { CertificateReading } from "../../x509/certificate.ts";
import { type IdentityMapper, ownIdentities } from "../../x509/identity.ts";
import { orderChain } from "../../x509/key_pair.ts";
import { parseRevocationLists, type RevocationListReading } from "../../x509/revocation_list.ts";
import { parseCertificate } from "../authority/certificate_info.ts";
import { pemBlocks } from "../authority/pem.ts";
import { CertError, reading } from "../errors.ts";
import type { Finding } from "./doctor_finding.ts";
import { crlNames, exists } from "../authority/workspace.ts";

/** One of the two peers, as far as its files show it. */
export interface DoctorSide {
  /** `A` or `B`. */
  readonly label: "A" | "B";
  /** The examined folder or file, or `host:port`. */
  readonly source: string;
  readonly certFile: string | undefined;
  readonly leaf: CertificateReading;
  /** Maps names to a node or a client. */
  readonly mapper: IdentityMapper;
  readonly intermediates: readonly CertificateReading[];
  readonly keyFile: string | undefined;
  readonly key: KeyObject | undefined;
  readonly caFile: string | undefined;
  /** The authorities that it trusts; undefined when its bundle is not here. */
  readonly authorities: readonly CertificateReading[] | undefined;
  /** Where the key of its authority is, if that is near: certificates can be issued there. */
  readonly authorityDir: string | undefined;
  readonly crlFile: string | undefined;
  readonly crl: readonly RevocationListReading[];
  /** Findings while reading. */
  readonly findings: readonly Finding[];
}

/** By preference; the last pair is that of a Kubernetes secret. */
const leafNames = ["node.crt", "client.crt", "tls.crt"];

/**
 * Reads the files of one peer: a folder with `node.crt`, `client.crt` or `tls.crt`, or such a file.
 * The key lies beside it under the same name, or in the same file; the bundle of authorities is
 * `ca.crt` beside it, else in the folder above or its `ca`; a revocation list (`ca.crl` or
 * `crl.pem`) is searched in the same places.
 *
 * @throws {CertError} codes `notFound` and `malformed`, when there is no certificate to check.
 */
export async function readSide(
  label: "A" | "B",
  source: string,
  mapper: IdentityMapper = ownIdentities,
): Promise<DoctorSide> {
  const certFile = await findLeaf(source);
  const folder = folderOf(certFile);
  const text = await readText(certFile, "certificate not found");
  const certificates = naming(certFile, () => readAll(text));
  const findings: Finding[] = [];
  const isFolder = certFile !== source;
  const guess = orderChain(certificates)!;
  const isKnown = guess.leaf.key.fault === undefined;
  const { keyFile, key } = await readKey({ label, certFile, text, isFolder, isKnown, findings });
  // A key that belongs to none of them is a separate finding.
  const { leaf, intermediates } = orderChain(certificates, key) ?? guess;
  const places = [folder, `${folder}/..`, `${folder}/../ca`];
  const caFile = await firstOf(places, ["ca.crt"]);
  const crlFile = await firstOf(places, crlNames);
  const authorityKey = await firstOf(places.slice(1), ["ca.key"]);
  const unreadable = (file: string, what: string) => (error: unknown) => {
    findings.push({
      severity: "error",
      code: "unreadable",
      about: label,
      what: `${file} cannot be used: ${error instanceof Error ? error.message : error}`,
      why: what,
      remedy: `replace ${file}, or remove it`,
    });
    return undefined;
  };
  const authorities = caFile === undefined
    ? undefined
    : await readText(caFile, "no bundle").then(readAll)
      .catch(unreadable(caFile, "without its authorities it trusts no peer and does not start"));
  const crl = crlFile === undefined
    ? undefined
    : await readText(crlFile, "no list").then((text) => reading(() => parseRevocationLists(text)))
      .catch(unreadable(crlFile, "without its revocation list a revoked certificate is accepted"));
  return {
    label,
    source,
    certFile,
    leaf,
    mapper,
    intermediates,
    keyFile,
    key,
    caFile,
    authorityDir: authorityKey === undefined ? undefined : folderOf(authorityKey),
    authorities,
    crlFile,
    crl: crl ?? [],
    findings,
  };
}

/** The folder that a file is in. */
export function folderOf(file: string): string {
  const end = file.lastIndexOf("/");
  return end < 0 ? "." : file.slice(0, Math.max(1, end));
}

async function findLeaf(source: string): Promise<string> {
  let isDirectory: boolean;
  try {
    ({ isDirectory } = await platform.files.stat(source));
  } catch (cause) {
    throw new CertError("notFound", `${source} cannot be read`, {
      value: source,
      cause,
      remedy: "name a folder with node.crt or client.crt, or a certificate",
    });
  }
  if (!isDirectory) return source;
  const found: string[] = [];
  for (const name of leafNames) if (await exists(`${source}/${name}`)) found.push(name);
  if (found.length === 1) return `${source}/${found[0]}`;
  const problem = found.length === 0
    ? `there is no ${leafNames.join(", ")} in ${source}`
    : `${found.join(" and ")} are both in ${source}`;
  throw new CertError("notFound", problem, {
    value: source,
    remedy: "name the file of the certificate",
  });
}

async function firstOf(
  places: readonly string[],
  names: readonly string[],
): Promise<string | undefined> {
  for (const place of places) {
    for (const name of names) {
      if (await exists(`${place}/${name}`)) return tidy(`${place}/${name}`);
    }
  }
  return undefined;
}

/** `certs/node-1/../ca.crt` is `certs/ca.crt`. */
function tidy(path: string): string {
  return path.replace(/[^/]+\/\.\.\//, (part) => /^\.{1,2}\//.test(part) ? part : "");
}

function readAll(text: string): CertificateReading[] {
  const all = pemBlocks(text, "CERTIFICATE").map(({ der }) => parseCertificate(der));
  if (all.length > 0) return all;
  throw new CertError("malformed", "it holds no certificate", {
    remedy: "check that it is the right file",
  });
}

function naming<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    throw new CertError(error.code, `${file}: ${error.message}`, { value: file, cause: error });
  }
}

interface KeySearch {
  readonly label: "A" | "B";
  readonly certFile: string;
  readonly text: string;
  /** A node's folder must hold its key; a certificate alone may have been copied here to ask. */
  readonly isFolder: boolean;
  /**
   * Whether its type is one that this runtime reads; another type is a fault of the certificate.
   */
  readonly isKnown: boolean;
  readonly findings: Finding[];
}

async function readKey(
  { label, certFile, text, isFolder, isKnown, findings }: KeySearch,
): Promise<{ keyFile: string | undefined; key: KeyObject | undefined }> {
  const beside = certFile.replace(/\.(crt|pem|cer)$/, "") + ".key";
  const inside = /BEGIN [A-Z ]*PRIVATE KEY/.test(text);
  const keyFile = inside ? certFile : await exists(beside) ? beside : undefined;
  const find = (
    code: "keyMissing" | "keyEncrypted" | "unreadable",
    what: string,
    remedy: string,
  ) => {
    const why = "a certificate is of no use without its key; it does not start";
    findings.push({ severity: "error", code, about: label, what, why, remedy });
    return { keyFile, key: undefined };
  };
  if (keyFile === undefined) {
    if (!isFolder) return { keyFile, key: undefined };
    return find(
      "keyMissing",
      `${beside} is missing`,
      `bring the key that was made with ${certFile}`,
    );
  }
  try {
    const pem = await readText(keyFile, "no key");
    if (/BEGIN ENCRYPTED PRIVATE KEY|^Proc-Type: .*ENCRYPTED/m.test(pem)) {
      const plain = `openssl pkey -in ${keyFile} -out ${keyFile}.plain`;
      return find("keyEncrypted", `${keyFile} is encrypted, and a node does not decrypt it`, plain);
    }
    const only = /-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----[^-]*-----END \1-----/.exec(pem)?.[0];
    return { keyFile, key: createPrivateKey(only ?? pem) };
  } catch (error) {
    if (!isKnown) return { keyFile, key: undefined };
    const why = error instanceof CertError ? error.message : "it holds no private key";
    return find("unreadable", `${keyFile} cannot be used: ${why}`, `replace ${keyFile}`);
  }
}
