import { loadCa, readText } from "../authority/certificate_files.ts";
import { pemBlocks } from "../authority/pem.ts";
import { revoke } from "../authority/revocation.ts";
import { whileLocked } from "../authority/revocation_file.ts";
import type { RotationOptions, RotationState } from "./rotation_state.ts";
import { parseCertificate } from "../authority/certificate_info.ts";
import { hasSignedList, parseRevocationList } from "../../x509/revocation_list.ts";
import { crlNames, exists, replaceFile } from "../authority/workspace.ts";

/**
 * Where a workspace has a revocation list, adds one of the next authority, which revokes nothing
 * yet: a certificate whose issuer has no list would be refused where lists are required. The lists
 * that are there stay. Returns the files that were written, or would be.
 */
export async function addNextList(
  state: Pick<RotationState, "root" | "caDir" | "next">,
  options: RotationOptions,
): Promise<string[]> {
  return await whileLocked(state.caDir, () => addToLists(state, options));
}

async function addToLists(
  { root, caDir, next }: Pick<RotationState, "root" | "caDir" | "next">,
  { dryRun, passphrase }: RotationOptions,
): Promise<string[]> {
  const written: string[] = [];
  for (const folder of new Set([caDir, root])) {
    for (const file of crlNames.map((name) => `${folder}/${name}`)) {
      if (!await exists(file)) continue;
      const crl = await readText(file, "there is no revocation list");
      const lists = pemBlocks(crl, "X509 CRL").map(({ der }) => parseRevocationList(der));
      const signer = next && parseCertificate(next.der);
      if (signer !== undefined && lists.some((list) => hasSignedList(signer, list))) continue;
      if (!dryRun) {
        const ca = await loadCa(`${caDir}/next`, passphrase);
        await replaceFile(file, (await revoke(ca, { crl })).crl);
      }
      written.push(file);
    }
  }
  return written;
}
