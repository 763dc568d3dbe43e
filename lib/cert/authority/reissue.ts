import { readText, writePair } from "./certificate_files.ts";
import { readCertificate } from "./certificate_info.ts";
import { CertError } from "../errors.ts";
import type { Authority } from "./issuing_authority.ts";
import { reissueUnder } from "./renewal.ts";
import type { WorkspaceLeaf } from "./workspace.ts";
import { certTool } from "../../runtime/cert_tool.ts";

/**
 * Reissues a certificate with a new key, for the same names and as long a validity (or up to the
 * authority's end), and replaces both files.
 *
 * @throws {CertError} codes of {@linkcode issueNode}, and `malformed` when it names no class.
 */
export async function reissue(
  ca: Authority,
  leaf: Pick<WorkspaceLeaf, "directory" | "kind" | "certFile">,
): Promise<void> {
  const cert = await readText(leaf.certFile, "no certificate");
  const { role } = await readCertificate(cert);
  if (role !== leaf.kind) {
    throw new CertError("malformed", `${leaf.certFile} is not that of a ${leaf.kind}`, {
      value: leaf.certFile,
      remedy: `issue it anew with ${certTool} create-node or create-client`,
    });
  }
  await writePair(leaf.directory, leaf.kind, await reissueUnder(ca, { cert }), { force: true });
}
