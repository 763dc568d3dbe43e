import type { CertificateInfo } from "../authority/certificate_info.ts";
import type { RevocationListInfo } from "../authority/revocation_info.ts";

/**
 * A certificate in `--json` output. The field names are stable; times are ISO 8601, what is not
 * there is `null`.
 */
export function certificateJson(info: CertificateInfo): Record<string, unknown> {
  return {
    role: info.role,
    commonName: info.commonName ?? null,
    issuer: info.issuer ?? null,
    serial: info.serial,
    notBefore: info.notBefore,
    notAfter: info.notAfter,
    dnsNames: info.dnsNames,
    ipAddresses: info.ipAddresses,
    uris: info.uris,
    keyUsages: info.keyUsages,
    purposes: info.purposes,
    keyType: info.keyType,
    algorithm: info.algorithm,
    fingerprint: info.fingerprint,
  };
}

/** A revocation list as `--json` shows it; its number is a string, it may be larger than 2^53. */
export function revocationListJson(info: RevocationListInfo): Record<string, unknown> {
  return {
    issuer: info.issuer ?? null,
    number: info.number === undefined ? null : String(info.number),
    thisUpdate: info.thisUpdate,
    nextUpdate: info.nextUpdate ?? null,
    revocations: info.revocations,
  };
}

/** A value as `--json` prints it. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
