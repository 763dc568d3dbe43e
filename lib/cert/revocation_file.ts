import { checkList, readListIfThere } from "./certificate_search.ts";
import type { Authority } from "./issuing_authority.ts";
import { revoke, type RevokedList, type RevokeOptions } from "./revocation.ts";
import { replaceFile } from "./workspace.ts";

/** Where a list is, and what keeps two runs apart. */
export interface RevocationFile {
  /** The list; need not be there. */
  readonly file: string;
  /** A file that is locked while the list is changed: two runs at once must not lose a revocation. */
  readonly lock: string;
}

/**
 * Revokes certificates in a file, which is replaced at once.
 *
 * @throws {CertError} codes of {@linkcode revoke}, `notWritable`.
 */
export async function revokeInFile(
  ca: Authority,
  { file, lock }: RevocationFile,
  options: Omit<RevokeOptions, "crl">,
): Promise<RevokedList> {
  using handle = await Deno.open(lock);
  // Ends when the file is closed, or the process.
  await handle.lock(true);
  const list = await plannedRevocation(ca, file, options);
  await replaceFile(file, list.crl);
  return list;
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
