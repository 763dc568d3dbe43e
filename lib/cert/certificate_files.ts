import type { Issued } from "./authority.ts";
import { CertError } from "./errors.ts";

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
  name: "ca" | "node" | "client",
  { cert, key }: Pick<Issued, "cert" | "key">,
  { force = false }: { force?: boolean } = {},
): Promise<WrittenPair> {
  const certFile = `${directory}/${name}.crt`;
  const keyFile = `${directory}/${name}.key`;
  if (!force) await refuseExisting(directory, [certFile, keyFile]);
  const mark = crypto.randomUUID().slice(0, 8);
  const parts = [
    { file: keyFile, temporary: `${keyFile}.${mark}`, text: key, mode: 0o600 },
    { file: certFile, temporary: `${certFile}.${mark}`, text: cert, mode: 0o644 },
  ];
  try {
    await Deno.mkdir(directory, { recursive: true });
    for (const { temporary, text, mode } of parts) await writeNew(temporary, text, mode);
    for (const { temporary, file } of parts) await Deno.rename(temporary, file);
  } catch (cause) {
    for (const { temporary } of parts) await Deno.remove(temporary).catch(() => {});
    throw new CertError("notWritable", `${directory} cannot be written: ${messageOf(cause)}`, {
      value: directory,
      cause,
      remedy: "choose a directory that you may write to",
    });
  }
  return { certFile, keyFile };
}

/**
 * Fails if a pair is there already.
 *
 * @throws {CertError} code `exists`.
 */
export async function refuseExistingPair(
  directory: string,
  name: "ca" | "node" | "client",
): Promise<void> {
  await refuseExisting(directory, [`${directory}/${name}.crt`, `${directory}/${name}.key`]);
}

/**
 * Reads `ca.crt` and `ca.key`.
 *
 * @throws {CertError} code `notFound`.
 */
export async function loadCa(directory: string): Promise<Pick<Issued, "cert" | "key">> {
  return {
    cert: await readText(`${directory}/ca.crt`, `CA files not found in ${directory}`),
    key: await readText(`${directory}/ca.key`, `CA files not found in ${directory}`),
  };
}

/**
 * Reads a text file.
 *
 * @throws {CertError} code `notFound`; the message begins with `otherwise`.
 */
export async function readText(file: string, otherwise: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (cause) {
    throw new CertError("notFound", `${otherwise}: ${file}: ${messageOf(cause)}`, {
      value: file,
      cause,
    });
  }
}

async function writeNew(file: string, text: string, mode: number): Promise<void> {
  const handle = await Deno.open(file, { write: true, createNew: true, mode });
  try {
    const bytes = new TextEncoder().encode(text);
    for (let written = 0; written < bytes.length;) {
      written += await handle.write(bytes.subarray(written));
    }
    await handle.sync();
  } finally {
    handle.close();
  }
}

async function refuseExisting(directory: string, files: readonly string[]): Promise<void> {
  const existing: string[] = [];
  for (const file of files) {
    const found = await Deno.lstat(file).then(() => true, () => false);
    if (found) existing.push(file.slice(directory.length + 1));
  }
  if (existing.length === 0) return;
  throw new CertError("exists", `${existing.join(" and ")} already exist in ${directory}`, {
    value: directory,
    remedy: "use --force to overwrite",
  });
}

/** The first line of what the system says. */
function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message.split("\n")[0]! : String(cause);
}
