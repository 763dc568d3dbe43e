import { checkOptions } from "../../options/check_options.ts";
import { verifyTable } from "../../options/tables/cert_tables.ts";
import type { IdentityMapping } from "../../runtime/identity_mapping.ts";
import type { CertificateReading } from "../../x509/certificate.ts";
import type { CertificateFault } from "../../x509/certificate_fault.ts";
import { X509Error } from "../../x509/errors.ts";
import { bundleFault, type Case, type Fault, judgeAll } from "../../x509/judge.ts";
import { identityMapper } from "../../x509/identity_mapping.ts";
import { orderChain } from "../../x509/key_pair.ts";
import {
  parseRevocationLists,
  type RevocationListReading,
  verifyLists,
} from "../../x509/revocation_list.ts";
import { noRevocation } from "../../x509/revocation_policy.ts";
import { CertError, reading } from "../errors.ts";
import { type CertificateInfo, describeCertificate, parseCertificate } from "./certificate_info.ts";
import { parseHostName } from "./host_name.ts";
import { belongs } from "./issuing_authority.ts";
import { pemBlocks } from "./pem.ts";
import { openPrivateKey } from "./private_key.ts";

/** Parameters of a verification. */
export interface VerifyOptions {
  /** The authorities that are trusted, PEM. */
  readonly ca: string;
  /** Revocation lists, PEM. Default: revocation is not checked. */
  readonly crl?: string;
  /**
   * Whether a list in force is needed of every authority in the chain, as with `crlRequired` of
   * `TlsConfig`; otherwise an outdated list counts, and a missing one revokes nothing. Default: true
   * where there is `crl`.
   */
  readonly crlRequired?: boolean;
  /** A host that it must cover. Default: not checked. */
  readonly host?: string;
  /** The required role of its holder. Default: any of them. */
  readonly usage?: "node" | "client" | "admin";
  /** The option `identity` of `TlsConfig`: which names make a node or a client. Default: ours. */
  readonly identity?: IdentityMapping;
  /** The private key, PEM, that must belong to it. Default: not checked. */
  readonly key?: string;
  /** Opens the key, if that is encrypted. */
  readonly passphrase?: string;
  /** Default: now. */
  readonly now?: Date;
}

/**
 * The rules of a verification:
 *
 * - `chain`: no trusted authority has issued it, or one on the way may not have.
 * - `validity`: it has expired, or is not yet valid.
 * - `algorithm`: its key or signature is weak, or cannot be checked.
 * - `revocation`: it is revoked, or the list cannot be relied on.
 * - `identity`: it has no name of a node or client, or not the required one.
 * - `usage`: its key usages do not permit the role.
 * - `host`: it does not cover the host, or is one of a node and covers none.
 * - `key`: the private key is that of another certificate.
 */
export type VerifyRule =
  | "chain"
  | "validity"
  | "algorithm"
  | "revocation"
  | "identity"
  | "usage"
  | "host"
  | "key";

/** A failed rule. */
export interface VerifyFailure {
  /** Which one. */
  readonly rule: VerifyRule;
  /** The exact fault, with the same code as at a node; `keyMismatch` for the rule `key`. */
  readonly code: CertificateFault | "keyMismatch";
  /** Why, for people. */
  readonly problem: string;
}

/** The result of a verification. */
export interface Verification {
  /** Whether no rule failed. */
  readonly ok: boolean;
  /** The code with which a node refuses it; undefined when `ok`. */
  readonly code: CertificateFault | "keyMismatch" | undefined;
  /** All failed rules. */
  readonly failures: readonly VerifyFailure[];
  /** Rules that were applied; `revocation`, `host` and `key` only where there was something to. */
  readonly checked: readonly VerifyRule[];
  /** The certificate that was verified. */
  readonly certificate: CertificateInfo;
}

/**
 * Verifies a certificate, and intermediates if there are any, in any order, by the judge that a
 * node asks about a peer. It returns every failed rule.
 *
 * @throws {CertError} code `malformed` when the certificate, authority or list cannot be parsed;
 * `badName` for an invalid host; the codes of a key.
 * @throws {CastyError} code `badOption` for an `identity` that cannot be used.
 */
// deno-lint-ignore require-await -- public, and rejects as the others do
export async function verify(cert: string, options: VerifyOptions): Promise<Verification> {
  checkOptions(verifyTable, options);
  const certificates = readAll(cert, "certificate");
  if (certificates.length > maxCertificates) {
    throw new CertError("malformed", `there are ${certificates.length} certificates`, {
      remedy: "check that it is the right file",
    });
  }
  const authorities = readAll(options.ca, "authority");
  const lists = options.crl === undefined
    ? undefined
    : reading(() => parseRevocationLists(options.crl!));
  const key = options.key === undefined
    ? undefined
    : openPrivateKey(options.key, options.passphrase);
  const { leaf, intermediates } = orderChain(certificates, key) ?? orderChain(certificates)!;
  const signers = [...authorities, ...intermediates.filter(({ isAuthority }) => isAuthority)];
  const revocation = lists && usable(lists, signers, options.crlRequired ?? true);
  const { path, faults } = judgeAll({
    leaf,
    intermediates,
    authorities,
    now: (options.now ?? new Date()).getTime(),
    mapper: identityMapper(options.identity),
    ...(options.usage !== undefined && { purpose: options.usage }),
    ...(options.host !== undefined && { host: parseHostName(options.host).text }),
    ...(revocation !== undefined && !("fault" in revocation) && { revocation }),
  });
  const bundle = bundleFault(authorities);
  const found: Fault[] = [...(bundle === undefined ? [] : [asBundle(bundle)]), ...faults];
  if (revocation !== undefined && "fault" in revocation) found.push(revocation);
  const failures = found.map(failureOf);
  if (key !== undefined && !belongs(leaf.der, key)) {
    failures.push({ rule: "key", code: "keyMismatch", problem: "the key does not belong to it" });
  }
  const rules = new Set<VerifyRule>(["chain", "validity", "algorithm", "identity", "usage"]);
  // Without a chain there is no authority whose list counts.
  if (lists !== undefined && path !== undefined) rules.add("revocation");
  if (options.host !== undefined) rules.add("host");
  if (key !== undefined) rules.add("key");
  for (const { rule } of failures) rules.add(rule);
  return {
    ok: failures.length === 0,
    code: failures[0]?.code,
    failures: order.flatMap((rule) => failures.filter((failure) => failure.rule === rule)),
    checked: order.filter((rule) => rules.has(rule)),
    certificate: describeCertificate(leaf),
  };
}

/** More stand in no file of one certificate. */
const maxCertificates = 100;

/** The order of the rules in a report. */
const order: readonly VerifyRule[] = [
  "chain",
  "validity",
  "algorithm",
  "revocation",
  "identity",
  "usage",
  "host",
  "key",
];

const rules: Readonly<Record<CertificateFault, VerifyRule>> = {
  unreadable: "chain",
  expired: "validity",
  notYetValid: "validity",
  weakKey: "algorithm",
  weakSignature: "algorithm",
  unsupportedAlgorithm: "algorithm",
  noIdentity: "identity",
  wrongRole: "identity",
  trustDomain: "identity",
  noHost: "host",
  wrongHost: "host",
  wrongUse: "usage",
  unknownCriticalExtension: "usage",
  untrusted: "chain",
  issuerNotAuthority: "chain",
  issuerWrongUse: "chain",
  issuerExpired: "chain",
  pathLength: "chain",
  nameConstraint: "chain",
  tlsUnsupported: "chain",
  revoked: "revocation",
  noRevocationList: "revocation",
  badRevocationList: "revocation",
  denied: "revocation",
  unauthorized: "identity",
};

function failureOf({ fault, problem, blame }: Fault): VerifyFailure {
  const rule = blame === undefined ? rules[fault] : "chain";
  return { rule, code: fault, problem: `it ${problem}` };
}

function asBundle(fault: Fault): Fault {
  return {
    ...fault,
    problem: `cannot be verified: a certificate among the authorities ${fault.problem}`,
  };
}

function usable(
  lists: readonly RevocationListReading[],
  signers: readonly CertificateReading[],
  listRequired: boolean,
): NonNullable<Case["revocation"]> | Fault {
  try {
    return { ...noRevocation, lists: verifyLists(lists, signers), listRequired };
  } catch (cause) {
    if (!(cause instanceof X509Error)) throw cause;
    const problem = `cannot be checked: ${cause.problem}`;
    return { fault: "badRevocationList", problem, remedy: cause.remedy ?? "" };
  }
}

function readAll(pem: string, what: string): CertificateReading[] {
  const blocks = pemBlocks(pem, "CERTIFICATE");
  if (blocks.length > 0) return blocks.map(({ der }) => parseCertificate(der));
  throw new CertError("malformed", `there is no readable ${what} (PEM block "CERTIFICATE")`, {
    remedy: "check that it is the right file",
  });
}
