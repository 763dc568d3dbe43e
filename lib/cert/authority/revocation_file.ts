import { platform } from "../../runtime/platform.ts";
import { checkList, readListIfThere } from "./certificate_search.ts";
import type { Authority } from "./issuing_authority.ts";
import { revoke, type RevokedList, type RevokeOptions } from "./revocation.ts";
import { replaceFile } from "./workspace.ts";

/** The file of a list and its lock. */
export interface RevocationFile {
  /** The list; need not be there. */
  readonly file: string;
  /** The authority's folder, see {@linkcode whileLocked}. */
  readonly caDir: string;
}

/**
 * Revokes certificates in a file, which is replaced at once.
 *
 * @throws {CertError} codes of {@linkcode revoke}, `notWritable`.
 */
export async function revokeInFile(
  ca: Authority,
  { file, caDir }: RevocationFile,
  options: Omit<RevokeOptions, "crl">,
): Promise<RevokedList> {
  return await whileLocked(caDir, async () => {
    const list = await plannedRevocation(ca, file, options);
    await replaceFile(file, list.crl);
    return list;
  });
}

/**
 * Changes a list under a lock: two runs at once, one of which may be a rotation, must not lose a
 * revocation. The lock is on the authority's folder, since a rotation replaces the files in it.
 */
export async function whileLocked<T>(caDir: string, work: () => Promise<T>): Promise<T> {
  // Windows opens no folders.
  using _lock = await platform.files.lock(caDir)
    .catch(() => platform.files.lock(`${caDir}/ca.crt`));
  return await work();
}

/** The list that {@linkcode revokeInFile} would write. */
export async function plannedRevocation(
  ca: Authority,
  file: string,
  options: Omit<RevokeOptions, "crl">,
): Promise<RevokedList> {
  const crl = await readListIfThere(file);
  if (crl !== undefined) checkList(file, crl);
  return await revoke(ca, { ...options, ...(crl !== undefined && { crl }) });
}
