import { type CertificateReading, readCertificate } from "./certificate.ts";
import { checkSignature } from "./signature.ts";

/** Whether a certificate names an authority as its issuer and carries its signature. */
export function issuedBy(subject: CertificateReading, issuer: CertificateReading): boolean {
  return issuer.subjectName === subject.issuerName && checkSignature(issuer, subject) === "valid";
}

/** The same of two certificates in DER. What cannot be read proves nothing. */
export function derIssuedBy(subject: Uint8Array, issuer: Uint8Array): boolean {
  try {
    return issuedBy(readCertificate(subject), readCertificate(issuer));
  } catch {
    return false;
  }
}
