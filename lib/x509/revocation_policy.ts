import type { CertificateFacts, IdentityRefusal, RevocationData } from "../runtime/network.ts";
import type { CertificateReading } from "./certificate.ts";
import { X509Error } from "./errors.ts";
import { type CertificateClass, issuerOf } from "./identity.ts";
import {
  ListsOfPeers,
  parseRevocationLists,
  type RevocationList,
  verifyLists,
} from "./revocation_list.ts";
import { certTool } from "../runtime/cert_tool.ts";

/** Which certificates are refused although they are good. */
export interface RevocationPolicy {
  readonly lists: readonly RevocationList[];
  /** Lists of intermediates that are known only when a peer shows them. Default: none. */
  readonly listsOfPeers?: ListsOfPeers;
  /** SHA-256 of certificates or of public keys, lower-case hexadecimal. */
  readonly denied: ReadonlySet<string>;
  /** Whether a list in force is needed of every authority in the peer's chain. */
  readonly listRequired: boolean;
  /** Whether the outdated list of an authority refuses what it has issued. Default: false. */
  readonly currentRequired?: boolean;
}

/** Refuses no certificate. */
export const noRevocation: RevocationPolicy = { lists: [], denied: new Set(), listRequired: false };

/** Most fingerprints that a deny list may hold. */
const maxDenied = 100_000;

/**
 * The policy that lists as data make.
 *
 * @throws {X509Error} codes `badRevocationList` and `badDenyList`.
 */
export function policyOf(
  { crl, denied, listRequired, currentRequired }: RevocationData,
  issuers: readonly CertificateReading[],
): RevocationPolicy {
  const lists = crl === undefined ? [] : parseRevocationLists(crl);
  return {
    lists: verifyLists(lists, issuers),
    listsOfPeers: new ListsOfPeers(lists),
    denied: new Set(denied),
    listRequired,
    currentRequired,
  };
}

/** What the option `crlRequired` means at a node or a client; undefined: it is not set. */
export function listsNeeded(
  crlRequired: boolean | undefined,
  kind: CertificateClass,
): Pick<RevocationData, "listRequired" | "currentRequired"> {
  return {
    listRequired: crlRequired === true,
    // A client depends on its nodes, which check each other.
    currentRequired: crlRequired ?? kind === "node",
  };
}

/** Whether a certificate of the peer's chain is revoked or denied. */
export function judgeRevocation(
  { lists, listsOfPeers, denied, listRequired, currentRequired = false }: RevocationPolicy,
  { fingerprint, chain = [] }: Pick<CertificateFacts, "fingerprint" | "chain">,
  wallTime: number,
): IdentityRefusal | undefined {
  if (denied.has(fingerprint)) return { fault: "denied", problem: "is on the deny list" };
  for (const [index, link] of chain.entries()) {
    const isLeaf = index === 0;
    if (denied.has(link.fingerprint) || denied.has(link.publicKey)) {
      const problem = isLeaf ? "is on the deny list" : "has an issuer that is on the deny list";
      return { fault: "denied", problem };
    }
    const known = lists.filter(({ issuerKey }) => issuerKey === link.issuerKey);
    const issuer = issuerOf(link);
    const own = known.length > 0 || issuer === undefined ? known : listsOfPeers?.of(issuer) ?? [];
    if (own.some(({ serialNumbers }) => serialNumbers.has(link.serialNumber))) {
      const problem = isLeaf ? "is revoked" : "has an issuer that is revoked";
      return { fault: "revoked", problem: `${problem} (serial number ${link.serialNumber})` };
    }
    if (own.some((list) => inForce(list, wallTime))) continue;
    if (listRequired) {
      const problem = "comes from an authority without a revocation list in force (crlRequired)";
      return { fault: "noRevocationList", problem };
    }
    if (currentRequired && own.length > 0) {
      const problem = "comes from an authority whose revocation list is outdated";
      return { fault: "noRevocationList", problem };
    }
  }
  return undefined;
}

/** Whether a list is not outdated. */
export function inForce({ nextUpdate }: RevocationList, wallTime: number): boolean {
  return nextUpdate === undefined || wallTime <= nextUpdate;
}

/**
 * Fingerprints as `cert.ts info` and openssl write them: hexadecimal, in any case, with or without
 * colons.
 *
 * @throws {X509Error} code `badDenyList`.
 */
export function readDenyList(entries: readonly string[]): Set<string> {
  if (entries.length > maxDenied) {
    throw badDenyList(`it has more than ${maxDenied} entries`);
  }
  return new Set(entries.map((entry, index) => {
    const plain = entry.replaceAll(":", "").trim().toLowerCase();
    if (/^[0-9a-f]{64}$/.test(plain)) return plain;
    throw badDenyList(`entry ${index + 1} is no SHA-256 fingerprint`);
  }));
}

/** The entries of a deny list's text: one a line, `#` starts a comment. */
export function denyListEntries(text: string): string[] {
  return text.split("\n").map((line) => line.replace(/#.*/, "").trim()).filter((line) => line);
}

function badDenyList(problem: string): X509Error {
  return new X509Error("badDenyList", problem, {
    remedy: `write one fingerprint of 64 hexadecimal digits a line, as ${certTool} info prints it`,
  });
}
