import type { KeyObject } from "node:crypto";
import type { CertificateReading } from "./certificate.ts";
import { encodePem } from "./pem.ts";
import { issuedBy } from "./chain.ts";
import { isKeyPair } from "./signature.ts";

/** The certificates of one file, by role. */
export interface CertificateChain {
  readonly leaf: CertificateReading;
  /** In the order of the chain as far as they belong to it, then the others. */
  readonly intermediates: readonly CertificateReading[];
}

/**
 * Finds the leaf among the certificates of a file, whatever their order: that of the private key
 * where it is known, otherwise the first that is not an authority. Undefined: none is that of the
 * key.
 *
 * `certificates` is not empty.
 */
export function orderChain(
  certificates: readonly CertificateReading[],
  key?: KeyObject,
): CertificateChain | undefined {
  const candidates = key === undefined
    ? certificates
    : certificates.filter((certificate) => isKeyPair(key, certificate.key));
  const leaf = candidates.find(({ isAuthority }) => !isAuthority) ?? candidates[0];
  if (leaf === undefined) return undefined;
  let rest = certificates.filter((certificate) => certificate !== leaf);
  const ordered: CertificateReading[] = [];
  for (let last = leaf, next = issuerOf(last, rest); next !== undefined;) {
    ordered.push(next);
    rest = rest.filter((certificate) => certificate !== next);
    last = next;
    next = issuerOf(last, rest);
  }
  return { leaf, intermediates: [...ordered, ...rest] };
}

function issuerOf(
  subject: CertificateReading,
  among: readonly CertificateReading[],
): CertificateReading | undefined {
  return among.find((issuer) => issuedBy(subject, issuer));
}

/** PEM of a chain, leaf first, at most `max` certificates. */
export function chainText({ leaf, intermediates }: CertificateChain, max: number): string {
  return [leaf, ...intermediates].slice(0, max)
    .map(({ der }) => encodePem("CERTIFICATE", der)).join("");
}
