import { authorityName, type Examined, printable } from "./doctor_certificate.ts";
import { verifiedBy } from "../../x509/signature.ts";

/** Longest chain that is followed, as in the transport. */
const maxLength = 8;

/** Why a certificate does not chain to one of some authorities. */
export interface ChainProblem {
  /** What is the case. */
  readonly what: string;
  /** Which link of the chain is to blame, if it is not that the authority is not trusted. */
  readonly blame: "authority" | "intermediate" | undefined;
}

/**
 * Follows the chain from a leaf to a trusted authority by names and signatures, and says what is
 * wrong with it: nothing, or the first problem of the path that comes furthest.
 */
export function chainProblem(
  leaf: Examined,
  intermediates: readonly Examined[],
  authorities: readonly Examined[],
  now: number,
): ChainProblem | undefined {
  return follow(leaf, { intermediates, authorities, now }, 0);
}

interface Trust {
  readonly intermediates: readonly Examined[];
  readonly authorities: readonly Examined[];
  readonly now: number;
}

/** `below` counts the authorities between `certificate` and the leaf. */
function follow(certificate: Examined, trust: Trust, below: number): ChainProblem | undefined {
  if (below >= maxLength) {
    return { what: `its chain is longer than ${maxLength}`, blame: undefined };
  }
  let problem: ChainProblem | undefined;
  for (const root of trust.authorities) {
    if (!verifiedBy(certificate.der, root.der)) continue;
    const what = issuerProblem(root, below, trust.now);
    if (what === undefined) return undefined;
    problem = { what: `its authority ${authorityName(root)} ${what}`, blame: "authority" };
  }
  for (const next of trust.intermediates) {
    // A root that was sent along proves nothing: trusted is what we hold ourselves.
    if (verifiedBy(next.der, next.der)) continue;
    if (!verifiedBy(certificate.der, next.der)) continue;
    const what = issuerProblem(next, below, trust.now);
    const further = what === undefined ? follow(next, trust, below + 1) : undefined;
    if (what === undefined && further === undefined) return undefined;
    problem ??= further ??
      { what: `its intermediate authority ${authorityName(next)} ${what}`, blame: "intermediate" };
  }
  return problem ?? { what: unknownIssuer(certificate, trust.authorities), blame: undefined };
}

/** Why `issuer` may not have signed what it has signed. */
function issuerProblem(issuer: Examined, below: number, now: number): string | undefined {
  const { info, pathLength } = issuer;
  if (!info.isAuthority) return "is not marked as an authority (basicConstraints CA:FALSE)";
  if (info.keyUsages.length > 0 && !info.keyUsages.includes("keyCertSign")) {
    return "may not sign certificates (key usage lacks keyCertSign)";
  }
  if (pathLength !== undefined && below > pathLength) {
    return `allows ${pathLength} authorities below itself, and there are ${below} (path length)`;
  }
  if (now > info.notAfter.getTime()) return `has expired on ${info.notAfter.toISOString()}`;
  if (now < info.notBefore.getTime()) {
    return `is not valid before ${info.notBefore.toISOString()}`;
  }
  return undefined;
}

function unknownIssuer(certificate: Examined, authorities: readonly Examined[]): string {
  const trusted = authorities.map(authorityName).join(", ") || "nobody";
  const issuer = printable(certificate.info.issuer ?? "an unnamed authority");
  if (certificate.x509.issuer === certificate.x509.subject) {
    return `it is signed by itself, and trusted is only ${trusted}`;
  }
  if (authorities.some(({ x509 }) => x509.subject === certificate.x509.issuer)) {
    return `it is signed by another authority that is called ${issuer} as well; ` +
      `trusted is only ${trusted}`;
  }
  return `it is signed by ${issuer}, and trusted is only ${trusted}`;
}
