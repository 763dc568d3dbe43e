import { verify, X509Certificate } from "node:crypto";
import type { CertificateRevocationList } from "pkijs";

/** Hash by signature algorithm; `null` where the algorithm has one of its own. */
const hashes: Readonly<Record<string, string | null>> = {
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
  "1.3.101.112": null,
};

/**
 * Whether a certificate names an authority as its issuer and carries its signature. Unlike pkijs
 * it knows Ed25519. Dates and purposes are not looked at.
 */
export function verifiedBy(der: Uint8Array, authority: Uint8Array): boolean {
  try {
    const certificate = new X509Certificate(der);
    const issuer = new X509Certificate(authority);
    return certificate.issuer === issuer.subject && certificate.verify(issuer.publicKey);
  } catch {
    // An algorithm that this Deno does not know: nothing is proved.
    return false;
  }
}

/** Whether an authority has signed a revocation list. */
export function listVerifiedBy(list: CertificateRevocationList, authority: Uint8Array): boolean {
  const hash = hashes[list.signatureAlgorithm.algorithmId];
  if (hash === undefined) return false;
  try {
    const { publicKey } = new X509Certificate(authority);
    return verify(hash, list.tbsView, publicKey, list.signatureValue.valueBlock.valueHexView);
  } catch {
    // A key that does not go with the algorithm: nothing is proved.
    return false;
  }
}
