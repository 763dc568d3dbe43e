import { BasicConstraints, type Certificate, CertificateChainValidationEngine } from "pkijs";
import type { ClientIdentity, NodeIdentity } from "../runtime/network.ts";
import { type CertificateReading, describeCertificate, readCertificate } from "./certificate.ts";
import { TransportError } from "./errors.ts";

/** Longest chain that is looked at, the leaf included; the authorities do not count. */
export const maxChainLength = 8;

const basicConstraints = "2.5.29.19";

/** Why a certificate is refused. `problem` completes "the certificate of X ...". */
export type Verdict =
  | { readonly accepted: true }
  | {
    readonly accepted: false;
    readonly fault: CertificateFault;
    readonly problem: string;
    readonly remedy: string;
  };

/** The closed set of things that can be wrong with a certificate. */
export type CertificateFault = "expired" | "notYetValid" | "noIdentity" | "wrongUse" | "untrusted";

/**
 * Establishes what a peer is from the certificates it sent, leaf first. `node:tls` on Deno has
 * checked signatures, validity and purpose of leaf and intermediates by then; it checks neither
 * the constraints of a root (CA flag, path length, validity) nor which class of peer this is.
 *
 * @throws {TransportError} code `peerNotTrusted`; its message starts with `the certificate of`.
 */
export async function identifyPeer(
  chain: readonly Uint8Array[],
  authorities: readonly Certificate[],
  wallTime: number,
): Promise<NodeIdentity | ClientIdentity> {
  const leaf = readLeaf(chain);
  const intermediates = chain.slice(1).map((der) => readCertificate(der).certificate);
  const verdict = await judgeCertificate(leaf, intermediates, authorities, wallTime);
  if (!verdict.accepted) throw notTrusted(leaf, verdict.problem, verdict.remedy);
  return identityOf(leaf);
}

/** What `reading`, which `judgeCertificate` has accepted, proves. */
export function identityOf(reading: CertificateReading): NodeIdentity | ClientIdentity {
  const { kind, name } = reading.identities[0]!;
  const { hosts, fingerprint, notAfter } = reading;
  return { kind, name, hosts, fingerprint, notAfter };
}

/** Checks validity, class, purpose and chain, in this order; the first fault counts. */
export async function judgeCertificate(
  leaf: CertificateReading,
  intermediates: readonly Certificate[],
  authorities: readonly Certificate[],
  wallTime: number,
): Promise<Verdict> {
  const own = judgeLeaf(leaf, wallTime);
  if (!own.accepted) return own;
  if (await chainsTo(leaf.certificate, intermediates, authorities, wallTime)) return own;
  return {
    accepted: false,
    fault: "untrusted",
    problem: "does not chain to our authority",
    remedy: "have it issued by the authority in caFile, or add its authority to caFile",
  };
}

function judgeLeaf(leaf: CertificateReading, wallTime: number): Verdict {
  const reject = (fault: CertificateFault, problem: string, remedy: string): Verdict => {
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
  const identity = leaf.identities[0];
  if (identity === undefined) {
    const issue = "issue it with cert.ts create-node or create-client";
    return reject("noIdentity", "has no node or client name", issue);
  }
  if (leaf.identities.length > 1) {
    const one = "issue one certificate for each node or client";
    return reject("noIdentity", "has more than one node or client name", one);
  }
  if (!leaf.clientAuth || (identity.kind === "node" && !leaf.serverAuth)) {
    const problem = identity.kind === "node"
      ? "lacks serverAuth or clientAuth, and a node needs both"
      : "lacks clientAuth";
    return reject("wrongUse", problem, `issue it with cert.ts create-${identity.kind}`);
  }
  return { accepted: true };
}

async function chainsTo(
  leaf: Certificate,
  intermediates: readonly Certificate[],
  authorities: readonly Certificate[],
  wallTime: number,
): Promise<boolean> {
  const engine = new CertificateChainValidationEngine({
    trustedCerts: [...authorities],
    certs: [...intermediates, leaf],
    checkDate: new Date(wallTime),
  });
  try {
    const { result, certificatePath } = await engine.verify();
    return result && certificatePath !== undefined && withinPathLengths(certificatePath);
  } catch {
    // An algorithm or an encoding that pkijs cannot handle: nothing is proved.
    return false;
  }
}

/** RFC 5280 section 4.2.1.9, which neither Deno (for a root) nor pkijs enforces. */
function withinPathLengths(path: readonly Certificate[]): boolean {
  return path.every((certificate, index) => {
    const constraints = certificate.extensions
      ?.find((extension) => extension.extnID === basicConstraints)?.parsedValue;
    if (!(constraints instanceof BasicConstraints)) return true;
    const limit = constraints.pathLenConstraint;
    // Index 0 is the leaf and does not count.
    return typeof limit !== "number" || index - 1 <= limit;
  });
}

function readLeaf(chain: readonly Uint8Array[]): CertificateReading {
  const der = chain[0];
  if (der === undefined) {
    throw new TransportError("peerNotTrusted", "the peer showed no certificate", {
      remedy: "give it a certificate of our authority",
    });
  }
  if (chain.length > maxChainLength) {
    throw new TransportError(
      "peerNotTrusted",
      `the peer sent ${chain.length} certificates, and ${maxChainLength} are the limit`,
      { value: chain.length, remedy: "send the leaf and its intermediates only" },
    );
  }
  try {
    return readCertificate(der);
  } catch (cause) {
    throw new TransportError("peerNotTrusted", "the certificate of the peer cannot be read", {
      remedy: "issue it with cert.ts",
      cause,
    });
  }
}

function notTrusted(leaf: CertificateReading, problem: string, remedy: string): TransportError {
  const subject = describeCertificate(leaf);
  const message = `the certificate of ${subject} ${problem}`;
  return new TransportError("peerNotTrusted", message, { value: subject, remedy });
}

function isoTime(wallTime: number): string {
  return new Date(wallTime).toISOString();
}
