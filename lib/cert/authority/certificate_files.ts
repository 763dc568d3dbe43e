import { resolveOptions } from "../../options/check_options.ts";
import { writePairTable } from "../../options/tables/cert_tables.ts";
import { platform } from "../../runtime/platform.ts";
import type { Issued } from "./authority.ts";
import { pemText } from "../../x509/pem.ts";
import { CertError } from "../errors.ts";
import type { Authority } from "./issuing_authority.ts";

/** Longer files are no PEM files of ours. */
const maxFileSize = 1 << 20;

/** Where a pair was written. */
export interface WrittenPair {
  /** The certificate. */
  readonly certFile: string;
  /** The private key. */
  readonly keyFile: string;
}

/**
 * Writes `<name>.crt` and `<name>.key` into a directory, which is made if need be. The key can be
 * read by its owner only. Either both files appear or none.
 *
 * @throws {CertError} codes `exists`, unless `force` is given, and `notWritable`.
 */
export async function writePair(
  directory: string,
  name: string,
  { cert, key }: Pick<Issued, "cert" | "key">,
  options: { force?: boolean } = {},
): Promise<WrittenPair> {
  const { force } = resolveOptions(writePairTable, options);
  const certFile = `${directory}/${name}.crt`;
  const keyFile = `${directory}/${name}.key`;
  if (!force) await refuseExisting(directory, [certFile, keyFile]);
  const mark = crypto.randomUUID().slice(0, 8);
  const parts = [
    {
      file: keyFile,
      temporary: `${keyFile}.${mark}`,
      old: `${keyFile}.${mark}.old`,
      text: key,
      mode: 0o600,
    },
    {
      file: certFile,
      temporary: `${certFile}.${mark}`,
      old: `${certFile}.${mark}.old`,
      text: cert,
      mode: 0o644,
    },
  ];
  const placed: (typeof parts)[number][] = [];
  try {
    await platform.files.mkdir(directory, { recursive: true });
    for (const { temporary, text, mode } of parts) {
      await platform.files.writeNewFile(temporary, text, mode);
    }
    // Both, before either is replaced: what cannot be kept must not be overwritten.
    if (force) { for (const { file, old } of parts) await keep(file, old); }
    for (const part of parts) {
      await place(part.temporary, part.file, force, directory);
      placed.push(part);
    }
  } catch (cause) {
    for (const { file, old } of placed) {
      await platform.files.rename(old, file).catch(() => discard(file));
    }
    for (const { temporary, old } of parts) {
      for (const file of [temporary, old]) await discard(file);
    }
    if (cause instanceof CertError) throw cause;
    throw new CertError("notWritable", `${directory} cannot be written: ${messageOf(cause)}`, {
      value: directory,
      cause,
      remedy: "choose a directory that you may write to",
    });
  }
  for (const { old } of parts) await discard(old);
  return { certFile, keyFile };
}

/**
 * Fails if a pair is there already.
 *
 * @throws {CertError} code `exists`.
 */
export async function refuseExistingPair(
  directory: string,
  name: string,
): Promise<void> {
  await refuseExisting(directory, [`${directory}/${name}.crt`, `${directory}/${name}.key`]);
}

/**
 * Reads `ca.crt` and `ca.key`; the passphrase, if the key has one, is kept beside them.
 *
 * @throws {CertError} code `notFound`.
 */
export async function loadCa(directory: string, passphrase?: string): Promise<Authority> {
  return {
    ...(passphrase !== undefined && { passphrase }),
    cert: await readText(`${directory}/ca.crt`, `CA files not found in ${directory}`),
    key: await readText(`${directory}/ca.key`, `CA files not found in ${directory}`),
  };
}

/**
 * Reads a text file of up to 1 MiB: devices and pipes may never end. A certificate or revocation
 * list in DER becomes its PEM text.
 *
 * @throws {CertError} codes `notFound`, whose message starts with `otherwise`, and `malformed`.
 */
export async function readText(file: string, otherwise: string): Promise<string> {
  try {
    using handle = await platform.files.open(file);
    return await readStream(handle, file);
  } catch (cause) {
    if (cause instanceof CertError) throw cause;
    throw new CertError("notFound", `${otherwise}: ${file}: ${messageOf(cause)}`, {
      value: file,
      cause,
    });
  }
}

/**
 * Reads a text of up to 1 MiB; what is in DER becomes its PEM text.
 *
 * @throws {CertError} code `malformed` when it is longer.
 */
export async function readStream(
  source: { read(buffer: Uint8Array): Promise<number | null> },
  name: string,
): Promise<string> {
  const buffer = new Uint8Array(maxFileSize + 1);
  let length = 0;
  while (length < buffer.length) {
    const count = await source.read(buffer.subarray(length));
    if (count === null) return pemText(buffer.subarray(0, length));
    length += count;
  }
  throw new CertError("malformed", `${name} is larger than ${maxFileSize} bytes`, {
    value: name,
    remedy: "check that it is the right file",
  });
}

/** Keeps a copy of a file that is about to be replaced, if it is there. */
async function keep(file: string, old: string): Promise<void> {
  try {
    await platform.files.copyFile(file, old);
  } catch (error) {
    if (platform.faultOf(error) !== "notFound") throw error;
  }
}

async function place(
  temporary: string,
  file: string,
  force: boolean,
  directory: string,
): Promise<void> {
  if (force) return await platform.files.rename(temporary, file);
  try {
    // A link, unlike a rename, never replaces what another process has written meanwhile.
    await platform.files.link(temporary, file);
  } catch (error) {
    if (platform.faultOf(error) === "alreadyExists") {
      throw alreadyExist(file.slice(directory.length + 1), directory);
    }
    // A file system without links.
    return await platform.files.rename(temporary, file);
  }
  await discard(temporary);
}

async function discard(file: string): Promise<void> {
  await platform.files.remove(file).catch(() => {});
}

async function refuseExisting(directory: string, files: readonly string[]): Promise<void> {
  const existing: string[] = [];
  for (const file of files) {
    const found = await platform.files.exists(file);
    if (found) existing.push(file.slice(directory.length + 1));
  }
  if (existing.length === 0) return;
  throw alreadyExist(existing.join(" and "), directory);
}

function alreadyExist(files: string, directory: string): CertError {
  return new CertError("exists", `${files} already exist in ${directory}`, {
    value: directory,
    remedy: "use --force to overwrite",
  });
}

/** The first line of what the system says. */
function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message.split("\n")[0]! : String(cause);
}
