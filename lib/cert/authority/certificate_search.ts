import { platform } from "../../runtime/platform.ts";
import { readText } from "./certificate_files.ts";
import { type CertificateInfo, readCertificate } from "./certificate_info.ts";
import type { CertIo } from "../cli/command.ts";
import { CertError } from "../errors.ts";
import { decodePem, pemBlocks } from "./pem.ts";
import { parseList, readRevocationList, type RevocationListInfo } from "./revocation_info.ts";
import { crlNames, exists } from "./workspace.ts";

/** A certificate or a revocation list in a file. */
export type FoundItem =
  | { readonly file: string; readonly certificate: CertificateInfo }
  | { readonly file: string; readonly revocationList: RevocationListInfo }
  | { readonly file: string; readonly problem: string };

/** Largest number of files in a folder that are read. */
const endings = [".crt", ".pem", ".crl"] as const;

/**
 * Reads a text file, or standard input when it is called `-`.
 *
 * @throws {CertError} codes `notFound` and `malformed`.
 */
export async function readInput(file: string, io: CertIo, otherwise: string): Promise<string> {
  return file === "-" ? await io.input() : await readText(file, otherwise);
}

/**
 * All certificates and lists of a text, in their order.
 *
 * @throws {CertError} code `malformed`, naming the file, also when there is none.
 */
export async function itemsOf(file: string, text: string): Promise<FoundItem[]> {
  try {
    const blocks = pemBlocks(text, "CERTIFICATE", "X509 CRL");
    // Says what is missing.
    if (blocks.length === 0) decodePem("CERTIFICATE", text);
    const items: FoundItem[] = [];
    for (const { label, pem } of blocks) {
      if (label === "CERTIFICATE") items.push({ file, certificate: await readCertificate(pem) });
      else items.push({ file, revocationList: readRevocationList(pem) });
    }
    return items;
  } catch (error) {
    throw naming(file, error);
  }
}

/** All certificates and lists of a folder and below, and the problems of unreadable files. */
export async function itemsIn(directory: string): Promise<FoundItem[]> {
  const items: FoundItem[] = [];
  for (const name of await certificateFiles(directory, endings)) {
    const file = `${directory}/${name}`;
    try {
      items.push(...await itemsOf(file, await readText(file, name)));
    } catch (error) {
      items.push({ file, problem: error instanceof Error ? error.message : String(error) });
    }
  }
  return items;
}

/**
 * The files with these endings in a directory and below, as paths in it: sorted, its own first, and in
 * each folder those with the first ending first. None when there is no such directory. A folder below
 * that cannot be read is returned as such, with a slash at its end.
 *
 * @throws {CertError} code `notFound` when it is there and cannot be read; `malformed` when it has
 * too many folders.
 */
export async function certificateFiles(
  directory: string,
  suffixes: readonly string[],
): Promise<string[]> {
  const found: string[] = [];
  const folders = [{ path: "", depth: 0 }];
  for (let at = 0; at < folders.length; at++) {
    const { path, depth } = folders[at]!;
    try {
      const folder = path === "" ? directory : `${directory}/${path.slice(0, -1)}`;
      const { files, below } = await listed(folder, suffixes);
      found.push(...files.map((name) => path + name));
      if (depth === maxDepth) continue;
      folders.push(...below.map((name) => ({ path: `${path}${name}/`, depth: depth + 1 })));
    } catch (error) {
      if (path === "") throw error;
      found.push(path);
    }
    if (folders.length <= maxFolders) continue;
    throw new CertError("malformed", `${directory} holds more than ${maxFolders} folders`, {
      value: directory,
      remedy: "name a directory further below",
    });
  }
  return found;
}

/** Those of a rotation are in the folder of an authority, which is in that of `init`. */
const maxDepth = 2;
const maxFolders = 10_000;

/** The files and folders of one directory, sorted; hidden folders are those of other programs. */
async function listed(
  directory: string,
  suffixes: readonly string[],
): Promise<{ readonly files: string[]; readonly below: string[] }> {
  const names: string[] = [];
  const below: string[] = [];
  try {
    for await (const { name, isDirectory } of platform.files.readDir(directory)) {
      if (!isDirectory) names.push(name);
      else if (!name.startsWith(".")) below.push(name);
    }
  } catch (cause) {
    if (platform.faultOf(cause) === "notFound") return { files: [], below: [] };
    const why = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new CertError("notFound", `${directory} cannot be read: ${why}`, {
      value: directory,
      cause,
      remedy: "name a directory that you may read",
    });
  }
  const files = suffixes.flatMap((suffix) => {
    return names.filter((name) => name.endsWith(suffix)).toSorted();
  });
  return { files, below: below.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true })) };
}

/** Where the revocation list of an authority is, or is to be. */
export async function revocationListFile(caDir: string): Promise<string> {
  for (const name of crlNames) {
    if (await exists(`${caDir}/${name}`)) return `${caDir}/${name}`;
  }
  return `${caDir}/${crlNames[0]}`;
}

/**
 * The text of a revocation list; undefined when it is not there.
 *
 * @throws {CertError} code `malformed`, and `notFound` when it is there and may not be read.
 */
export async function readListIfThere(file: string): Promise<string | undefined> {
  return await exists(file) ? await readText(file, "no revocation list") : undefined;
}

/**
 * The folder of the authority itself: that above `previous` and `next`, where a rotation keeps the
 * other one. Nodes read one list for both, and it lies there.
 */
export async function authorityHome(caDir: string): Promise<string> {
  const above = /^(?:(.*)\/)?(?:previous|next)$/.exec(caDir);
  if (above === null) return caDir;
  const home = above[1] ?? ".";
  return await exists(`${home}/ca.crt`) ? home : caDir;
}

/**
 * Throws unless a text is a revocation list.
 *
 * @throws {CertError} code `malformed`, naming the file.
 */
export function checkList(file: string, text: string): void {
  try {
    pemBlocks(text, "X509 CRL").forEach(({ der }) => parseList(der));
    // Says what is missing.
    decodePem("X509 CRL", text);
  } catch (error) {
    throw naming(file, error);
  }
}

/** An error that names the file it is about. */
export function naming(file: string, error: unknown): unknown {
  if (!(error instanceof CertError)) return error;
  const { code, message } = error;
  return new CertError(code, `${file}: ${message}`, { value: file, cause: error });
}
