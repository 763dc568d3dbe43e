import type { CertifiedIdentity } from "../../runtime/network.ts";
import { type CertificateReading, readCertificate, readForeign } from "../../x509/certificate.ts";
import { maxChainLength } from "../../x509/chain.ts";
import {
  describeCertificate,
  type IdentityMapper,
  identityOf,
  ownIdentities,
} from "../../x509/identity.ts";
import { judge, judgeUnproved } from "../../x509/judge.ts";
import { TransportError } from "../base/errors.ts";
import { CertificateRefusedError } from "./certificate_refused.ts";

/**
 * Determines the identity of a peer from the certificates that it sent, leaf first. `node:tls` on
 * Deno has checked signatures, validity and purpose of leaf and intermediates by then; it checks
 * neither the constraints of a root (CA flag, path length, validity) nor which class of peer this
 * is.
 *
 * @throws {CertificateRefusedError} with the fault, or {TransportError} when there is none.
 */
export function identifyPeer(
  chain: readonly Uint8Array[],
  authorities: readonly CertificateReading[],
  wallTime: number,
  mapper: IdentityMapper = ownIdentities,
): CertifiedIdentity {
  const [leaf, ...intermediates] = readChain(chain);
  const verdict = judge({
    leaf: leaf!,
    intermediates,
    authorities,
    now: wallTime,
    mapper,
  });
  if (verdict.accepted) return identityOf(verdict.path, verdict.identity);
  const { fault, problem, remedy } = verdict;
  throw new CertificateRefusedError(fault, describeCertificate(leaf!), problem, remedy);
}

/** Largest chain of a foreign peer that is looked at, in certificates and bytes. */
const maxUnproved = { certificates: 3, bytes: 4_096 };

/**
 * Why a peer will be refused whose signatures are not checked yet, as far as bounded work tells;
 * undefined: nothing is known. Never throws.
 */
export function explainUnproved(
  chain: readonly Uint8Array[],
  authorities: readonly CertificateReading[],
  wallTime: number,
  mapper: IdentityMapper = ownIdentities,
): CertificateRefusedError | undefined {
  const size = chain.reduce((sum, { length }) => sum + length, 0);
  if (chain.length > maxUnproved.certificates || size > maxUnproved.bytes) return undefined;
  try {
    const [leaf, ...intermediates] = chain.map(readForeign);
    if (leaf === undefined) return undefined;
    const fault = judgeUnproved({ leaf, intermediates, authorities, now: wallTime, mapper });
    if (fault === undefined) return undefined;
    const subject = describeCertificate(leaf);
    return new CertificateRefusedError(fault.fault, subject, fault.problem, fault.remedy);
  } catch {
    // It cannot be read: the TLS layer has its say.
    return undefined;
  }
}

function readChain(chain: readonly Uint8Array[]): CertificateReading[] {
  if (chain.length === 0) {
    throw new TransportError("peerNotTrusted", "the peer showed no certificate", {
      remedy: "give it a certificate of our authority",
    });
  }
  if (chain.length > maxChainLength) {
    const problem = `comes with too many others: at most ${maxChainLength} together are looked at`;
    const only = "send the leaf and its intermediates only";
    throw new CertificateRefusedError("unreadable", "the peer", problem, only);
  }
  try {
    return chain.map(readCertificate);
  } catch {
    const reissue = "have it issued anew";
    throw new CertificateRefusedError("unreadable", "the peer", "cannot be read", reissue);
  }
}
