import { X509Certificate } from "node:crypto";

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
