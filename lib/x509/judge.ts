import { type CertificateReading, isoTime } from "./certificate.ts";
import type { ChainFault } from "./certificate_fault.ts";
import { followChain } from "./chain.ts";
import {
  type CertificateClass,
  type CertificateIdentity,
  type IdentityMapper,
  isMissing,
  ownIdentities,
} from "./identity.ts";

/** Whether a certificate is acceptable. `problem` completes "the certificate of X ...". */
export type Verdict =
  | {
    readonly accepted: true;
    readonly path: readonly CertificateReading[];
    readonly identity: CertificateIdentity;
  }
  | RejectedCertificate;

/** Why a certificate is refused. */
export interface RejectedCertificate {
  readonly accepted: false;
  readonly fault: ChainFault;
  readonly problem: string;
  readonly remedy: string;
}

/**
 * Checks validity, class, purpose and chain, in this order; the first fault counts. `mapper` says
 * which names make a node or a client.
 */
export function judgeCertificate(
  leaf: CertificateReading,
  intermediates: readonly CertificateReading[],
  authorities: readonly CertificateReading[],
  wallTime: number,
  mapper: IdentityMapper = ownIdentities,
): Verdict {
  const unusable = judgeDates(leaf, wallTime) ?? judgeBasicUse(leaf);
  if (unusable !== undefined) return unusable;
  const identity = mapper.identify(leaf.names);
  if (isMissing(identity)) return reject("noIdentity", identity.problem, identity.remedy);
  const misused = judgeUse(leaf, identity.kind);
  if (misused !== undefined) return misused;
  const outcome = followChain(leaf, intermediates, authorities, wallTime);
  if ("path" in outcome) return { accepted: true, path: outcome.path, identity };
  return {
    accepted: false,
    ...outcome,
    remedy: outcome.fault === "untrusted"
      ? "have it issued by an authority in caFile, or add its authority to caFile"
      : "renew or replace that authority, and have the certificate issued anew",
  };
}

function judgeDates(
  { notBefore, notAfter }: CertificateReading,
  wallTime: number,
): RejectedCertificate | undefined {
  if (wallTime > notAfter) {
    const renew = "issue a new one, and check the clock of this machine";
    return reject("expired", `expired on ${isoTime(notAfter)}`, renew);
  }
  if (wallTime < notBefore) {
    const wait = "check the clocks of this machine and of the issuing one";
    return reject("notYetValid", `is not valid before ${isoTime(notBefore)}`, wait);
  }
  return undefined;
}

function judgeBasicUse({ isAuthority }: CertificateReading): RejectedCertificate | undefined {
  if (!isAuthority) return undefined;
  const remedy = "use a certificate that this authority has issued to a node or client";
  return reject("wrongUse", "is that of an authority", remedy);
}

function judgeUse(
  leaf: CertificateReading,
  kind: CertificateClass,
): RejectedCertificate | undefined {
  if (!leaf.clientAuth || (kind === "node" && !leaf.serverAuth)) {
    const usages = kind === "node" ? "usages serverAuth and clientAuth" : "usage clientAuth";
    const problem = kind === "node"
      ? "lacks serverAuth or clientAuth, and a node needs both"
      : "lacks clientAuth";
    return reject("wrongUse", problem, reissue(`the extended key ${usages}`, kind));
  }
  if (leaf.keyUsage !== undefined && !leaf.keyUsage.digitalSignature) {
    const problem = "lacks the key usage digitalSignature, which TLS 1.3 needs";
    return reject("wrongUse", problem, reissue("the key usage digitalSignature", kind));
  }
  if (leaf.unknownCriticalExtension !== undefined) {
    const problem = `has the unknown critical extension ${leaf.unknownCriticalExtension}`;
    const remedy = "issue it without that extension, or with one that is not critical";
    return reject("unknownCriticalExtension", problem, remedy);
  }
  if (kind === "node" && leaf.hosts.length === 0) {
    const remedy = reissue("the DNS names and IP addresses under which it is dialled", kind);
    return reject("noHost", "covers no host, and a node needs one", remedy);
  }
  return undefined;
}

function reissue(what: string, kind: CertificateClass): string {
  return `issue it with ${what}, as cert.ts create-${kind} does`;
}

function reject(fault: ChainFault, problem: string, remedy: string): RejectedCertificate {
  return { accepted: false, fault, problem, remedy };
}
