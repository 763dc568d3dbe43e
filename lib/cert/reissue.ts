import { issueClient, type Issued, issueNode } from "./authority.ts";
import { readText, writePair } from "./certificate_files.ts";
import { readCertificate } from "./certificate_info.ts";
import { CertError } from "./errors.ts";
import type { WorkspaceLeaf } from "./workspace.ts";

const msPerDay = 86_400_000;

/**
 * Issues a certificate anew, with a new key, for the same names and as long a life (or up to the
 * authority's end), and replaces both files.
 *
 * @throws {CertError} codes of {@linkcode issueNode}, and `malformed` when it names no class.
 */
export async function reissue(
  ca: Pick<Issued, "cert" | "key">,
  leaf: Pick<WorkspaceLeaf, "directory" | "kind" | "certFile">,
): Promise<void> {
  const info = await readCertificate(await readText(leaf.certFile, "no certificate"));
  const { notAfter: end } = await readCertificate(ca.cert);
  const lifetime = info.notAfter.getTime() - info.notBefore.getTime();
  const left = end.getTime() - Date.now();
  // Beyond a day after the authority's end would be refused.
  const validityDays = Math.max(1, Math.round(Math.min(lifetime, left) / msPerDay));
  const name = info.uris.map((uri) => /\/client\/([^/]+)$/.exec(uri)?.[1]).find(Boolean);
  let issued: Issued;
  if (leaf.kind === "client") {
    if (name === undefined) throw unnamed(leaf.certFile);
    issued = await issueClient(ca, { name, validityDays });
  } else {
    const hosts = [...info.names.filter((text) => !info.uris.includes(text))];
    if (hosts.length === 0) throw unnamed(leaf.certFile);
    const { commonName } = info;
    issued = await issueNode(ca, {
      hosts,
      validityDays,
      ...(commonName !== undefined && { commonName }),
    });
  }
  await writePair(leaf.directory, leaf.kind, issued, { force: true });
}

function unnamed(file: string): CertError {
  return new CertError("malformed", `${file} names no node or client`, {
    value: file,
    remedy: "issue it anew with cert.ts create-node or create-client",
  });
}
