import { type CertificateReading, isoTime, readCertificate } from "./certificate.ts";
import type { ChainFault } from "./certificate_fault.ts";
import { describeCertificate, printableName } from "./identity.ts";
import { brokenConstraint } from "./name_constraints.ts";
import { checkSignature } from "./signature.ts";
import { tlsProblem } from "./tls_policy.ts";

/** Longest accepted chain, including the leaf, without the authorities. */
export const maxChainLength = 8;

/**
 * Largest number of signature checks for one chain: a peer must not control the verification time.
 */
const maxSignatures = 32;

const anyPurpose = "2.5.29.37.0";

/** The fault of a chain. `problem` completes "the certificate of X ...". */
export interface ChainProblem {
  readonly fault: ChainFault;
  readonly problem: string;
  /** Which issuer is to blame; undefined: none is trusted. */
  readonly blame: "authority" | "intermediate" | undefined;
}

/** A chain from the leaf to its trusted authority, both included, or the fault. */
export type ChainOutcome = { readonly path: readonly CertificateReading[] } | ChainProblem;

/**
 * Follows a leaf to one of the authorities by names and signatures, and holds every issuer to RFC
 * 5280: CA flag, key usage, validity, path length, critical extensions, name constraints, strength
 * of keys and signatures. Deno's TLS library skips all of that but the names for a root. pkijs is
 * not used for it because it knows neither path lengths nor Ed25519.
 *
 * Of several chains one that is good counts; if there is none, the first problem that was found.
 */
export function followChain(
  leaf: CertificateReading,
  intermediates: readonly CertificateReading[],
  authorities: readonly CertificateReading[],
  wallTime: number,
): ChainOutcome {
  return new Search(intermediates, authorities, wallTime).from([leaf]);
}

class Search {
  readonly #intermediates: readonly CertificateReading[];
  readonly #authorities: readonly CertificateReading[];
  readonly #wallTime: number;
  #signatures = 0;

  constructor(
    intermediates: readonly CertificateReading[],
    authorities: readonly CertificateReading[],
    wallTime: number,
  ) {
    this.#intermediates = intermediates;
    this.#authorities = authorities;
    this.#wallTime = wallTime;
  }

  /** The first element of `path` is the leaf. */
  from(path: readonly CertificateReading[]): ChainOutcome {
    const last = path.at(-1)!;
    let failed: ChainProblem | undefined;
    for (const authority of this.#authorities) {
      const outcome = this.#step(path, authority, "authority");
      if (outcome === "notIssuer") continue;
      if (outcome === undefined) return { path: [...path, authority] };
      failed ??= outcome;
    }
    for (const next of path.length < maxChainLength ? this.#intermediates : []) {
      if (path.includes(next)) continue;
      const problem = this.#step(path, next, "intermediate");
      if (problem === "notIssuer") continue;
      const outcome = problem ?? this.from([...path, next]);
      if ("path" in outcome) return outcome;
      failed ??= outcome;
    }
    if (failed !== undefined) return failed;
    const isSelfSigned = path.length === 1 && last.selfIssued &&
      checkSignature(last, last) === "valid";
    const problem = untrustedProblem(last, this.#authorities, isSelfSigned);
    return { fault: "untrusted", problem, blame: undefined };
  }

  /**
   * Checks `issuer` as the next certificate of the path: undefined if it is accepted, or why it is
   * not.
   */
  #step(
    path: readonly CertificateReading[],
    issuer: CertificateReading,
    blame: "authority" | "intermediate",
  ): ChainProblem | "notIssuer" | undefined {
    const subject = path.at(-1)!;
    if (issuer.subjectName !== subject.issuerName) return "notIssuer";
    if (++this.#signatures > maxSignatures) return "notIssuer";
    const weak = issuer.key.fault;
    if (weak !== undefined && namesKeyOf(subject, issuer)) {
      const problem = `was issued by ${describeCertificate(issuer)}, which ${weak.problem}`;
      return { fault: weak.code, problem, blame };
    }
    if (subject.signatureAlgorithm.fault !== undefined) {
      const { code, problem } = subject.signatureAlgorithm.fault;
      return { fault: code, problem, blame: undefined };
    }
    const signed = checkSignature(issuer, subject);
    if (signed === "invalid") return "notIssuer";
    if (signed === "unknown") {
      if (!namesKeyOf(subject, issuer)) return "notIssuer";
      const problem = `is signed by ${describeCertificate(issuer)} with ` +
        `${subject.signatureAlgorithm.name} and a key of type ${issuer.key.name}, which this ` +
        "runtime cannot check";
      return { fault: "unsupportedAlgorithm", problem, blame };
    }
    return this.#judgeIssuer(path, issuer, blame);
  }

  #judgeIssuer(
    path: readonly CertificateReading[],
    issuer: CertificateReading,
    blame: "authority" | "intermediate",
  ): ChainProblem | undefined {
    const who = `was issued by ${describeCertificate(issuer)}, which `;
    const fail = (fault: ChainFault, problem: string): ChainProblem => {
      return { fault, problem: who + problem, blame };
    };
    const below = path.length - 1;
    const { pathLength, unknownCriticalExtensions: [unknown], nameConstraints } = issuer;
    if (!issuer.isAuthority) {
      return fail("issuerNotAuthority", "is no authority (basicConstraints CA:FALSE)");
    }
    if (issuer.keyUsages?.includes("keyCertSign") === false) {
      const problem = "may not sign certificates (key usage lacks keyCertSign)";
      return fail("issuerNotAuthority", problem);
    }
    if (unknown !== undefined) {
      return fail("unknownCriticalExtension", `has the unknown critical extension ${unknown}`);
    }
    const algorithm = blame === "intermediate" ? issuer.signatureAlgorithm.fault : undefined;
    if (algorithm !== undefined) return fail(algorithm.code, algorithm.problem);
    if (pathLength !== undefined && below > pathLength) {
      const problem = `allows ${pathLength} authorities below it but has ${below} (path length)`;
      return fail("pathLength", problem);
    }
    if (this.#wallTime > issuer.notAfter) {
      return fail("issuerExpired", `expired on ${isoTime(issuer.notAfter)}`);
    }
    if (this.#wallTime < issuer.notBefore) {
      return fail("issuerExpired", `is not valid before ${isoTime(issuer.notBefore)}`);
    }
    if (blame === "intermediate" && isRestricted(issuer, path[0]!)) {
      const problem = `is restricted to the extended key usage ${issuer.purposes!.join(", ")}`;
      return fail("issuerWrongUse", problem);
    }
    for (const certificate of nameConstraints === undefined ? [] : path) {
      const broken = brokenConstraint(nameConstraints!, certificate.alternativeNames);
      if (broken !== undefined) {
        return fail("nameConstraint", `${broken.problem} (name constraint)`);
      }
    }
    if (blame === "intermediate") return undefined;
    const tls = tlsProblem([...path, issuer], describeCertificate);
    return tls === undefined ? undefined : { fault: "tlsUnsupported", problem: tls, blame };
  }
}

/** Why a certificate is untrusted that none of the authorities has issued; completes "the certificate ...". */
export function untrustedProblem(
  last: CertificateReading,
  authorities: readonly CertificateReading[],
  isSelfSigned: boolean,
): string {
  const head = "does not chain to a trusted authority: ";
  const name = printableName(last.issuerCommonName ?? "without a name");
  if (isSelfSigned) return `${head}it is signed by itself`;
  const isNamesake = ({ subjectName, commonName }: CertificateReading) =>
    subjectName === last.issuerName ||
    (commonName !== undefined && commonName === last.issuerCommonName);
  if (authorities.some(isNamesake)) {
    return `${head}it was signed by another authority of the same name (${name})`;
  }
  return `${head}its issuer (${name}) is not among those that are trusted ` +
    `(${listAuthorities(authorities)})`;
}

/** Authorities that are shown in one message. */
const maxShownAuthorities = 5;

/** The names of authorities for a message. */
export function listAuthorities(authorities: readonly CertificateReading[]): string {
  const shown = authorities.slice(0, maxShownAuthorities).map(describeCertificate).join(", ");
  const more = authorities.length - maxShownAuthorities;
  return more > 0 ? `${shown} and ${more} more` : shown;
}

/**
 * Whether the key identifiers say that `issuer` has signed, where the signature cannot be checked:
 * another authority of the same name is not the issuer. Identifiers may be missing.
 */
function namesKeyOf(subject: CertificateReading, issuer: CertificateReading): boolean {
  const { authorityKeyId } = subject;
  const { subjectKeyId } = issuer;
  return authorityKeyId === undefined || subjectKeyId === undefined ||
    authorityKeyId === subjectKeyId;
}

/** Whether an intermediate may not issue for all that the leaf is used for. */
function isRestricted({ purposes }: CertificateReading, leaf: CertificateReading): boolean {
  if (purposes === undefined || purposes.includes(anyPurpose)) return false;
  return ["serverAuth", "clientAuth"].some((purpose) => {
    return leaf.purposes?.includes(purpose) === true && !purposes.includes(purpose);
  });
}

/** Whether a certificate names an authority as its issuer and carries its signature. */
export function issuedBy(subject: CertificateReading, issuer: CertificateReading): boolean {
  return issuer.subjectName === subject.issuerName && checkSignature(issuer, subject) === "valid";
}

/** The same for two certificates in DER. False if one of them cannot be parsed. */
export function derIssuedBy(subject: Uint8Array, issuer: Uint8Array): boolean {
  try {
    return issuedBy(readCertificate(subject), readCertificate(issuer));
  } catch {
    return false;
  }
}
