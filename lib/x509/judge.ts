/**
 * The one judge of certificates: `TlsConfig` when it loads, the transport when a peer has shown its
 * chain, `cert.ts verify` and `cert.ts doctor` call it, and only render its result. Pure.
 *
 * @module
 */
import { type CertificateReading, isoTime } from "./certificate.ts";
import type { CertificateFault } from "./certificate_fault.ts";
import { type ChainProblem, followChain, untrustedProblem } from "./chain.ts";
import { coversHost, listHosts } from "./host_names.ts";
import {
  type CertificateClass,
  type CertificateIdentity,
  chainLinks,
  describeCertificate,
  type IdentityMapper,
  isMissing,
  ownIdentities,
} from "./identity.ts";
import { judgeRevocation, type RevocationPolicy } from "./revocation_policy.ts";
import { checkSignature } from "./signature.ts";
import { certTool } from "../runtime/cert_tool.ts";

/** A certificate with the parameters of its verification. */
export interface Case {
  readonly leaf: CertificateReading;
  /** Certificates sent with it, in any order; certificates outside its chain are ignored. */
  readonly intermediates: readonly CertificateReading[];
  /** The authorities that are trusted. */
  readonly authorities: readonly CertificateReading[];
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  /** Maps names to a node or a client. Default: Casty's own URI names. */
  readonly mapper?: IdentityMapper;
  /** The required role of the holder. Default: node or client, as in its names. */
  readonly purpose?: CertificateClass;
  /** Default: nothing is revoked. */
  readonly revocation?: RevocationPolicy;
  /** A host that it must cover. Default: not checked. */
  readonly host?: string;
}

/** One thing that is wrong with a certificate. */
export interface Fault {
  /** Stable; safe to branch on. */
  readonly fault: CertificateFault;
  /** Completes "the certificate of X ...". */
  readonly problem: string;
  /** The remedy. */
  readonly remedy: string;
  /** Whether it is an issuer that is to blame, and which. */
  readonly blame?: "authority" | "intermediate" | undefined;
}

/** Whether a certificate is acceptable. */
export type Verdict =
  | {
    readonly accepted: true;
    /** From the leaf to the authority that vouches for it, both included. */
    readonly path: readonly CertificateReading[];
    readonly identity: CertificateIdentity;
  }
  | ({ readonly accepted: false } & Fault);

/**
 * Judges a certificate. The first fault counts, in this order: dates, algorithms, use, identity,
 * chain, revocation, host.
 */
export function judge(it: Case): Verdict {
  const found: Findings = {};
  for (const fault of faults(it, found)) return { accepted: false, ...fault };
  return { accepted: true, path: found.path!, identity: found.identity! };
}

/** All faults of a certificate; those that depend on a chain only if there is one. */
export function judgeAll(it: Case): { readonly faults: readonly Fault[] } & Findings {
  const found: Findings = {};
  const all = [...faults(it, found)];
  return { faults: all, ...found };
}

/** The faults of a certificate without its chain. */
export function judgeLeaf(it: Omit<Case, "authorities" | "intermediates">): readonly Fault[] {
  return [...leafFaults(it, {})];
}

/**
 * The fault of its chain, or the chain from the leaf to an authority, both included. A leaf whose
 * signature cannot be checked has none; see {@linkcode judgeLeaf}.
 */
export function judgeChain(
  { leaf, intermediates, authorities, now }: Case,
): Fault | readonly CertificateReading[] {
  const outcome = followChain(leaf, intermediates, authorities, now);
  return "path" in outcome ? outcome.path : { ...outcome, remedy: chainRemedy(outcome) };
}

/**
 * What is against a certificate whose signatures nobody has checked, by checks whose cost its sender
 * cannot raise: no signature is verified with a key that it has chosen, except its own. Undefined:
 * nothing that can be said so; that proves nothing.
 */
export function judgeUnproved(
  { leaf, intermediates, authorities, now, mapper }: Case,
): Fault | undefined {
  const [fault] = leafFaults({ leaf, now, ...(mapper && { mapper }) }, {});
  if (fault !== undefined) return fault;
  const problem = unprovedProblem(leaf, intermediates, authorities);
  if (problem === undefined) return undefined;
  const chain = { fault: "untrusted", problem, blame: undefined } as const;
  return { ...chain, remedy: chainRemedy(chain) };
}

/** Follows the issuers by their names, from the leaf to the first that none of the others has issued. */
function unprovedProblem(
  leaf: CertificateReading,
  intermediates: readonly CertificateReading[],
  authorities: readonly CertificateReading[],
): string | undefined {
  const below = new Set([leaf]);
  for (let last = leaf;;) {
    const issuers = authorities.filter(({ subjectName }) => subjectName === last.issuerName);
    if (issuers.length > 0) {
      const outcomes = issuers.slice(0, maxIssuers)
        .map((issuer) => isSlow(issuer) ? "unknown" : checkSignature(issuer, last));
      return outcomes.every((outcome) => outcome === "invalid")
        ? untrustedProblem(last, authorities, false)
        : undefined;
    }
    const next = intermediates.find((one) =>
      !below.has(one) && one.subjectName === last.issuerName
    );
    if (next === undefined) {
      const isSelfSigned = last === leaf && leaf.selfIssued && !isSlow(leaf) &&
        checkSignature(leaf, leaf) === "valid";
      return untrustedProblem(last, authorities, isSelfSigned);
    }
    below.add(next);
    last = next;
  }
}

/** Authorities of one name whose signature is tried. */
const maxIssuers = 4;

/** Whether a signature of this key takes some 20 ms to check. */
function isSlow({ key }: CertificateReading): boolean {
  return key.name === "p521";
}

/** The fault of a set of trusted authorities. */
export function bundleFault(authorities: readonly CertificateReading[]): Fault | undefined {
  const leaf = authorities.find(({ isAuthority }) => !isAuthority);
  if (leaf === undefined) return undefined;
  return {
    fault: "issuerNotAuthority",
    problem: `is that of ${describeCertificate(leaf)} and not of an authority`,
    remedy: `put only authorities there, as made by ${certTool} create-ca`,
  };
}

interface Findings {
  path?: readonly CertificateReading[];
  identity?: CertificateIdentity;
}

function* faults(it: Case, found: Findings): Generator<Fault, void> {
  const { revocation, leaf, host, now } = it;
  yield* leafFaults(it, found);
  // A signature that cannot be checked proves no issuer, and that is reported already.
  if (leaf.signatureAlgorithm.fault === undefined) {
    const chain = judgeChain(it);
    if ("fault" in chain) yield chain;
    else found.path = chain;
  }
  if (revocation !== undefined) {
    const { fingerprint } = leaf;
    const links = found.path === undefined ? [] : chainLinks(found.path);
    const refusal = judgeRevocation(revocation, { fingerprint, chain: links }, now);
    if (refusal !== undefined) yield { ...refusal, remedy: revocationRemedy(refusal.fault) };
  }
  if (host !== undefined && !coversHost(leaf.hosts, host)) {
    const problem = `does not cover the host ${host} but ${listHosts(leaf.hosts)}`;
    yield {
      fault: "wrongHost",
      problem,
      remedy: "use a host that it names, or issue one that names this host",
    };
  }
}

function* leafFaults(
  { leaf, now, mapper = ownIdentities, purpose }: Omit<Case, "authorities" | "intermediates">,
  found: Findings,
): Generator<Fault, void> {
  yield* dateFaults(leaf, now);
  yield* algorithmFaults(leaf);
  if (leaf.isAuthority) {
    const remedy = "use a certificate that this authority has issued to a node or client";
    yield { fault: "wrongUse", problem: "is that of an authority", remedy };
  }
  const identity = mapper.identify(leaf.names);
  if (isMissing(identity)) yield { fault: "noIdentity", ...identity };
  else found.identity = identity;
  if (purpose !== undefined && found.identity !== undefined && found.identity.kind !== purpose) {
    const { kind, name } = found.identity;
    const wanted = purpose === "admin" ? "an admin" : `a ${purpose}`;
    const problem = `is that of the ${kind} ${name}, not of ${wanted}`;
    yield { fault: "wrongRole", problem, remedy: `use the certificate of ${wanted}` };
  }
  // Which one was meant, where no name says it.
  const guessed = leaf.hosts.length > 0 ? "node" : "client";
  yield* useFaults(leaf, purpose ?? found.identity?.kind ?? guessed);
}

function* dateFaults(
  { notBefore, notAfter }: CertificateReading,
  now: number,
): Generator<Fault, void> {
  if (now > notAfter) {
    const remedy = "issue a new one, and check the clock of this machine";
    yield { fault: "expired", problem: `expired on ${isoTime(notAfter)}`, remedy };
  } else if (now < notBefore) {
    const remedy = "check the clocks of this machine and of the issuing one";
    yield { fault: "notYetValid", problem: `is not valid before ${isoTime(notBefore)}`, remedy };
  }
}

function* algorithmFaults(
  { key, signatureAlgorithm }: CertificateReading,
): Generator<Fault, void> {
  if (key.fault !== undefined) {
    const { code, problem } = key.fault;
    yield { fault: code, problem, remedy: keyRemedy };
  }
  if (signatureAlgorithm.fault !== undefined) {
    const { code, problem } = signatureAlgorithm.fault;
    yield { fault: code, problem, remedy: signatureRemedy };
  }
}

const acceptedKeys = "P-256, P-384, P-521, Ed25519, or RSA of 2048 to 8192 bits";
/** The remedy for a rejected key. */
export const keyRemedy = `use a key of type ${acceptedKeys}`;
const signatureRemedy = "have it signed with SHA-256, SHA-384 or SHA-512 (RSA, RSASSA-PSS with a " +
  "salt as long as the hash, ECDSA), or with Ed25519";

function* useFaults(
  { purposes = [], keyUsages, hosts, unknownCriticalExtensions: [unknown] }: CertificateReading,
  kind: CertificateClass,
): Generator<Fault, void> {
  const needed = kind === "node" ? ["serverAuth", "clientAuth"] : ["clientAuth"];
  const missing = needed.filter((purpose) => !purposes.includes(purpose));
  if (missing.length > 0) {
    const problem = `lacks the extended key usage ${missing.join(" and ")}` +
      (kind === "node" ? " (a node needs serverAuth and clientAuth)" : "");
    const usages = kind === "node" ? "usages serverAuth and clientAuth" : "usage clientAuth";
    yield { fault: "wrongUse", problem, remedy: reissue(`the extended key ${usages}`, kind) };
  }
  if (keyUsages?.includes("digitalSignature") === false) {
    const problem = "lacks the key usage digitalSignature, which TLS 1.3 needs " +
      `(it has ${keyUsages.join(", ") || "none"})`;
    yield { fault: "wrongUse", problem, remedy: reissue("the key usage digitalSignature", kind) };
  }
  if (unknown !== undefined) {
    yield {
      fault: "unknownCriticalExtension",
      problem: `has the unknown critical extension ${unknown}`,
      remedy: "issue it without that extension, or with one that is not critical",
    };
  }
  if (kind === "node" && hosts.length === 0) {
    const remedy = reissue("the DNS names and IP addresses under which it is dialled", kind);
    yield { fault: "noHost", problem: "covers no host, and a node needs one", remedy };
  }
}

function reissue(what: string, kind: CertificateClass): string {
  return `issue it with ${what}, as ${certTool} create-${kind} does`;
}

function chainRemedy({ fault }: ChainProblem): string {
  switch (fault) {
    case "untrusted":
      return "have it issued by one of those, or add its issuer to caFile of the end that rejects it";
    case "weakKey":
      return `use an authority with a key of type ${acceptedKeys}`;
    case "weakSignature":
    case "unsupportedAlgorithm":
      return signatureRemedy;
    case "nameConstraint":
      return "have it issued for names that the constraint allows, or by another authority";
    case "tlsUnsupported":
      return "have it issued by an authority without that restriction, and restrict names with " +
        "constraints for DNS names and IP addresses";
    default:
      return "renew or replace that authority, and have the certificate issued anew";
  }
}

function revocationRemedy(fault: string): string {
  return fault === "noRevocationList"
    ? "bring a current list of that authority (crlFile)"
    : "have another one issued";
}
