import { type CertificateReading, isoTime } from "../../x509/certificate.ts";
import { describeCertificate, printableName } from "../../x509/identity.ts";

/**
 * What a TLS alert of the other end says about our certificate `own` (RFC 8446, 6.2). Platforms spell
 * the names in different ways: `UnknownCA`, `UNKNOWN_CA`.
 */
export function explainAlert(alert: string, own: CertificateReading): string {
  const issuer = printableName(own.issuerCommonName ?? "an authority without a name");
  const reasons: Readonly<Record<string, string>> = {
    unknownca: `it does not trust the authority of our certificate (${issuer})`,
    certificateexpired: `it takes our certificate for expired (it is valid until ` +
      `${isoTime(own.notAfter)}); compare the clocks`,
    certificaterevoked: "our certificate is revoked there",
    certificateunknown: "it does not accept our certificate",
    badcertificate: "it does not accept our certificate, or its names",
    unsupportedcertificate: "our certificate is of a kind that it does not accept",
  };
  const reason = reasons[alert.replaceAll("_", "").toLowerCase()];
  return reason === undefined
    ? `it rejected our certificate or settings (TLS alert ${alert})`
    : `it rejected our certificate, that of ${
      describeCertificate(own)
    } (TLS alert ${alert}): ${reason}`;
}

/** Whether a handshake has failed because the other end speaks no TLS 1.3. */
export function isOldVersion({ message }: Error): boolean {
  return /SupportedVersions|protocol.?version|unsupported.protocol/i.test(message);
}
