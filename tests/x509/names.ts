import type { CertificateNames } from "../../lib/runtime/identity_mapping.ts";

/** Names of a certificate; what is left out is not there. */
export function names(given: Partial<CertificateNames>): CertificateNames {
  return {
    uris: [],
    dnsNames: [],
    ipAddresses: [],
    commonNames: [],
    organizations: [],
    organizationalUnits: [],
    ...given,
  };
}
