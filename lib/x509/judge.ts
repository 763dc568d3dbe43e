import { type CertificateReading, isoTime } from "./certificate.ts";
import type { ChainFault } from "./certificate_fault.ts";
import { followChain } from "./chain.ts";
import { identitiesOf } from "./identity.ts";

/** Whether a certificate is acceptable. `problem` completes "the certificate of X ...". */
export type Verdict =
  | { readonly accepted: true; readonly path: readonly CertificateReading[] }
  | RejectedCertificate;

/** Why a certificate is refused. */
export interface RejectedCertificate {
  readonly accepted: false;
  readonly fault: ChainFault;
  readonly problem: string;
  readonly remedy: string;
}

/** Checks validity, class, purpose and chain, in this order; the first fault counts. */
export function judgeCertificate(
  leaf: CertificateReading,
  intermediates: readonly CertificateReading[],
  authorities: readonly CertificateReading[],
  wallTime: number,
): Verdict {
  const rejected = judgeLeaf(leaf, wallTime);
  if (rejected !== undefined) return rejected;
  const outcome = followChain(leaf, intermediates, authorities, wallTime);
  if ("path" in outcome) return { accepted: true, path: outcome.path };
  return {
    accepted: false,
    ...outcome,
    remedy: outcome.fault === "untrusted"
      ? "have it issued by an authority in caFile, or add its authority to caFile"
      : "renew or replace that authority, and have the certificate issued anew",
  };
}

function judgeLeaf(leaf: CertificateReading, wallTime: number): RejectedCertificate | undefined {
  const reject = (
    fault: ChainFault,
    problem: string,
    remedy: string,
  ): RejectedCertificate => {
    return { accepted: false, fault, problem, remedy };
  };
  if (wallTime > leaf.notAfter) {
    const renew = "issue a new one, and check the clock of this machine";
    return reject("expired", `expired on ${isoTime(leaf.notAfter)}`, renew);
  }
  if (wallTime < leaf.notBefore) {
    const wait = "check the clocks of this machine and of the issuing one";
    return reject("notYetValid", `is not valid before ${isoTime(leaf.notBefore)}`, wait);
  }
  if (leaf.isAuthority) {
    return reject("wrongUse", "is that of an authority", "issue one with cert.ts create-node");
  }
  const [identity, second] = identitiesOf(leaf);
  if (identity === undefined) {
    const issue = "issue it with cert.ts create-node or create-client";
    return reject("noIdentity", "has no node or client name", issue);
  }
  if (second !== undefined) {
    const one = "issue one certificate for each node or client";
    return reject("noIdentity", "has more than one node or client name", one);
  }
  const reissue = `issue it with cert.ts create-${identity.kind}`;
  if (!leaf.clientAuth || (identity.kind === "node" && !leaf.serverAuth)) {
    const problem = identity.kind === "node"
      ? "lacks serverAuth or clientAuth, and a node needs both"
      : "lacks clientAuth";
    return reject("wrongUse", problem, reissue);
  }
  if (leaf.keyUsage !== undefined && !leaf.keyUsage.digitalSignature) {
    const problem = "lacks the key usage digitalSignature, which TLS 1.3 needs";
    return reject("wrongUse", problem, reissue);
  }
  if (leaf.unknownCriticalExtension !== undefined) {
    const problem = `has the unknown critical extension ${leaf.unknownCriticalExtension}`;
    return reject("unknownCriticalExtension", problem, reissue);
  }
  if (identity.kind === "node" && leaf.hosts.length === 0) {
    return reject("noHost", "covers no host, and a node needs one", reissue);
  }
  return undefined;
}
