import { X509Certificate } from "node:crypto";
import type { ChainFault } from "./certificate_fault.ts";
import { type CertificateReading, isoTime } from "./certificate.ts";
import { describeCertificate } from "./identity.ts";

/** Longest chain that is looked at, the leaf included; the authorities do not count. */
export const maxChainLength = 8;

/** Signatures that are checked for one chain: what was sent must not choose how long it takes. */
const maxSignatures = 32;

/** A chain from the leaf to the authority that vouches for it, both included, or what is wrong. */
export type ChainOutcome =
  | { readonly path: readonly CertificateReading[] }
  | { readonly fault: ChainFault; readonly problem: string };

/**
 * Follows a leaf to one of our authorities by names and signatures, and holds every issuer to
 * RFC 5280: CA flag, key usage, validity, path length, critical extensions. Deno's TLS layer skips
 * all of that for a root. pkijs is not used for it because it knows neither path lengths nor
 * Ed25519. Name constraints are left to the TLS layer, which enforces them.
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

  /** `path` begins with the leaf. */
  from(path: readonly CertificateReading[]): ChainOutcome {
    const last = path.at(-1)!;
    let failed: ChainOutcome | undefined;
    for (const authority of this.#authorities) {
      if (!this.#issued(authority, last)) continue;
      const outcome = this.#judgeIssuer(authority, path.length - 1);
      if (outcome === undefined) return { path: [...path, authority] };
      failed ??= outcome;
    }
    for (const next of path.length < maxChainLength ? this.#intermediates : []) {
      if (path.includes(next) || !this.#issued(next, last)) continue;
      const outcome = this.#judgeIssuer(next, path.length - 1) ?? this.from([...path, next]);
      if ("path" in outcome) return outcome;
      failed ??= outcome;
    }
    return failed ?? { fault: "untrusted", problem: this.#noIssuer(last, path.length === 1) };
  }

  #issued(issuer: CertificateReading, subject: CertificateReading): boolean {
    if (issuer.subjectName !== subject.issuerName) return false;
    if (++this.#signatures > maxSignatures) return false;
    return hasSigned(issuer, subject);
  }

  /** `below` counts the authorities between the issuer and the leaf. */
  #judgeIssuer(issuer: CertificateReading, below: number): ChainOutcome | undefined {
    const who = `was issued by ${describeCertificate(issuer)}, `;
    if (!issuer.isAuthority) {
      return { fault: "issuerNotAuthority", problem: `${who}which is no authority` };
    }
    if (issuer.keyUsage !== undefined && !issuer.keyUsage.keyCertSign) {
      const problem = `${who}which may not sign certificates (key usage lacks keyCertSign)`;
      return { fault: "issuerNotAuthority", problem };
    }
    const { pathLength, unknownCriticalExtension } = issuer;
    if (unknownCriticalExtension !== undefined) {
      const problem = `${who}which has the unknown critical extension ${unknownCriticalExtension}`;
      return { fault: "unknownCriticalExtension", problem };
    }
    if (pathLength !== undefined && below > pathLength) {
      const problem = `${who}which allows ${pathLength} authorities below it but has ` +
        `${below} (path length)`;
      return { fault: "pathLength", problem };
    }
    if (this.#wallTime > issuer.notAfter) {
      const problem = `${who}which expired on ${isoTime(issuer.notAfter)}`;
      return { fault: "issuerExpired", problem };
    }
    if (this.#wallTime < issuer.notBefore) {
      const problem = `${who}which is not valid before ${isoTime(issuer.notBefore)}`;
      return { fault: "issuerExpired", problem };
    }
    return undefined;
  }

  #noIssuer(last: CertificateReading, isLeaf: boolean): string {
    const head = "does not chain to our authority: ";
    if (isLeaf && last.selfIssued && hasSigned(last, last)) return `${head}it is signed by itself`;
    if (this.#authorities.some(({ subjectName }) => subjectName === last.issuerName)) {
      return `${head}it was signed by another authority of the same name`;
    }
    return `${head}its issuer is not among the authorities that are trusted here`;
  }
}

/** What was found out about two certificates: the same bytes never tell anything else. */
const signatures = new WeakMap<CertificateReading, WeakMap<CertificateReading, boolean>>();

/** Whether the key of `issuer` has made the signature of `subject`. */
function hasSigned(issuer: CertificateReading, subject: CertificateReading): boolean {
  let ofIssuer = signatures.get(issuer);
  if (ofIssuer === undefined) signatures.set(issuer, ofIssuer = new WeakMap());
  const known = ofIssuer.get(subject);
  if (known !== undefined) return known;
  try {
    const key = new X509Certificate(issuer.der).publicKey;
    const signed = new X509Certificate(subject.der).verify(key);
    ofIssuer.set(subject, signed);
    return signed;
  } catch {
    // An algorithm or an encoding that is not known: nothing is proved, and nothing remembered.
    return false;
  }
}
