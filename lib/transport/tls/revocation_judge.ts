import type { Clock } from "../../runtime/clock.ts";
import type { RevocationData, TlsMaterial } from "../../runtime/network.ts";
import { readCertificate } from "../../x509/certificate.ts";
import { pemCertificates } from "../../x509/pem.ts";
import { judgeRevocation, policyOf } from "../../x509/revocation_policy.ts";

/**
 * The function `judge` of material from the lists that it decides by: for another thread, which has
 * the texts and not the object.
 *
 * @throws {X509Error} code `badRevocationList`.
 */
export function revocationJudge(
  revocation: RevocationData,
  { ca, cert }: Pick<TlsMaterial, "ca" | "cert">,
  clock: Clock,
): NonNullable<TlsMaterial["judge"]> {
  const issuers = [...pemCertificates(ca), ...pemCertificates(cert)].map(readCertificate)
    .filter(({ isAuthority }) => isAuthority);
  const policy = policyOf(revocation, issuers);
  return (identity) => judgeRevocation(policy, identity, clock.wallTime());
}
