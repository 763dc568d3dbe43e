import { chainProblem } from "../doctor/doctor_chain.ts";
import { authorityName, examine, type Examined } from "../doctor/doctor_certificate.ts";
import { readRevocationLists, type RevocationList } from "../doctor/doctor_crl.ts";
import type { CertificateInfo } from "./certificate_info.ts";
import { CertError } from "../errors.ts";
import { covers, parseHostName } from "./host_name.ts";
import { belongs } from "./issuing_authority.ts";
import { pemBlocks } from "./pem.ts";
import { readPrivateKey } from "./private_key.ts";
import { verifiedBy } from "../../x509/signature.ts";

/** What a certificate is verified against. */
export interface VerifyOptions {
  /** The authorities that are trusted, PEM. */
  readonly ca: string;
  /** Revocation lists, PEM. Default: revocation is not checked. */
  readonly crl?: string;
  /** A host that it must cover. Default: not checked. */
  readonly host?: string;
  /** What its holder must be. Default: a node or a client, whichever it says. */
  readonly usage?: "node" | "client";
  /** The private key, PEM, that must belong to it. Default: not checked. */
  readonly key?: string;
  /** Opens the key, if that is encrypted. */
  readonly passphrase?: string;
  /** Default: now. */
  readonly now?: Date;
}

/**
 * Which rule a certificate breaks:
 *
 * - `chain`: no trusted authority has issued it, or one on the way may not have.
 * - `validity`: its time is over, or has not come.
 * - `revocation`: it is revoked, or the list cannot be relied on.
 * - `identity`: it has no name that makes a node or a client, or not the one that is asked for.
 * - `usage`: it is not made for what its holder does.
 * - `host`: it does not cover the host.
 * - `key`: the private key is that of another certificate.
 */
export type VerifyRule =
  | "chain"
  | "validity"
  | "revocation"
  | "identity"
  | "usage"
  | "host"
  | "key";

/** A rule that a certificate breaks. */
export interface VerifyFailure {
  /** Which one. */
  readonly rule: VerifyRule;
  /** Why, for people. */
  readonly problem: string;
}

/** What has come out. */
export interface Verification {
  /** Whether it breaks no rule. */
  readonly ok: boolean;
  /** All rules that it breaks. */
  readonly failures: readonly VerifyFailure[];
  /** Rules that were applied; `revocation`, `host` and `key` only where there was something to. */
  readonly checked: readonly VerifyRule[];
}

/**
 * Verifies a certificate, followed by intermediates if there are any, as a node does with that of a
 * peer. It answers with every rule that is broken.
 *
 * @throws {CertError} code `malformed` when there is no certificate, authority or list to speak of;
 * `badName` for a host that cannot be one; those of a key.
 */
export async function verify(
  cert: string,
  options: VerifyOptions,
): Promise<Verification> {
  const now = (options.now ?? new Date()).getTime();
  const [leaf, ...intermediates] = await examineAll(cert, "certificate");
  const authorities = await examineAll(options.ca, "authority");
  const lists = options.crl === undefined ? undefined : readRevocationLists(options.crl);
  const results: [VerifyRule, string | undefined][] = [
    ["chain", chainProblem(leaf!, intermediates, authorities, now)?.what],
    ["validity", validityProblem(leaf!.info, now)],
  ];
  if (lists !== undefined) {
    const signers = [...authorities, ...intermediates];
    results.push(["revocation", revocationProblem([leaf!, ...intermediates], signers, lists, now)]);
  }
  results.push(["identity", identityProblem(leaf!, options.usage)]);
  results.push(["usage", usageProblem(leaf!, options.usage)]);
  if (options.host !== undefined) results.push(["host", hostProblem(leaf!.info, options.host)]);
  if (options.key !== undefined) {
    const key = readPrivateKey(options.key, options.passphrase);
    const problem = belongs(leaf!.der, key) ? undefined : "the key does not belong to it";
    results.push(["key", problem]);
  }
  const failures = results.flatMap(([rule, problem]) => {
    return problem === undefined ? [] : [{ rule, problem }];
  });
  return { ok: failures.length === 0, failures, checked: results.map(([rule]) => rule) };
}

async function examineAll(pem: string, what: string): Promise<Examined[]> {
  const blocks = pemBlocks(pem, "CERTIFICATE");
  if (blocks.length === 0 || blocks.length > 100) {
    const problem = blocks.length === 0 ? `there is no readable ${what}` : "there are too many";
    throw new CertError("malformed", `${problem} (PEM block "CERTIFICATE")`, {
      remedy: "check that it is the right file",
    });
  }
  return await Promise.all(blocks.map(({ der }) => examine(der)));
}

function validityProblem(
  { notBefore, notAfter }: CertificateInfo,
  now: number,
): string | undefined {
  if (now > notAfter.getTime()) return `it has expired on ${notAfter.toISOString()}`;
  if (now < notBefore.getTime()) return `it is not valid before ${notBefore.toISOString()}`;
  return undefined;
}

function revocationProblem(
  chain: readonly Examined[],
  signers: readonly Examined[],
  lists: readonly RevocationList[],
  now: number,
): string | undefined {
  const leaf = chain[0]!;
  const issuersOf = (link: Examined) => signers.filter(({ der }) => verifiedBy(link.der, der));
  const issuers = issuersOf(leaf);
  const fitting = lists.filter((list) => issuers.some(list.signedBy));
  for (const link of chain) {
    const issued = issuersOf(link);
    const found = lists.some((list) => list.serials.has(link.serial) && issued.some(list.signedBy));
    if (!found) continue;
    const what = link === leaf ? "it" : `its issuer ${authorityName(link)}`;
    return `${what} is revoked (serial ${link.serial})`;
  }
  // Who has issued it is the business of another rule.
  if (issuers.length === 0) return undefined;
  const [issuer] = issuers;
  if (fitting.length === 0) return `no list is signed by its authority ${authorityName(issuer!)}`;
  const due = Math.max(...fitting.map(({ nextUpdate }) => nextUpdate?.getTime() ?? Infinity));
  if (due >= now) return undefined;
  return `the list was to be renewed by ${new Date(due).toISOString()}`;
}

function identityProblem({ classes }: Examined, usage?: "node" | "client"): string | undefined {
  const [first, ...more] = classes;
  if (first === undefined) return "it has no name spiffe://.../node/... or .../client/...";
  if (more.length > 0) {
    return `it says that it is ${classes.map(({ kind, name }) => `${kind} ${name}`).join(" and ")}`;
  }
  if (usage === undefined || first.kind === usage) return undefined;
  return `it is that of the ${first.kind} ${first.name}, not of a ${usage}`;
}

function usageProblem({ info, classes }: Examined, usage?: "node" | "client"): string | undefined {
  if (info.isAuthority) return "it is that of an authority";
  const kind = usage ?? classes[0]?.kind ?? "client";
  const needed = kind === "node" ? ["serverAuth", "clientAuth"] : ["clientAuth"];
  const lacking = needed.filter((purpose) => !info.purposes.includes(purpose));
  if (lacking.length > 0) return `it lacks the extended key usage ${lacking.join(" and ")}`;
  if (info.keyUsages.length === 0 || info.keyUsages.includes("digitalSignature")) return undefined;
  return `it lacks the key usage digitalSignature (it has ${info.keyUsages.join(", ")})`;
}

function hostProblem(info: CertificateInfo, host: string): string | undefined {
  if (covers(info, parseHostName(host))) return undefined;
  const names = [...info.dnsNames, ...info.ipAddresses].join(", ") || "no host at all";
  return `it does not cover ${host}, but ${names}`;
}
