import { Enumerated, Integer } from "asn1js";
import { CertificateRevocationList } from "pkijs";
import { plainSerial } from "../../x509/certificate.ts";
import { CertError } from "../errors.ts";
import { decodePem } from "./pem.ts";

/** Why a certificate was revoked; names of RFC 5280, 5.3.1. */
export type RevocationReason =
  | "unspecified"
  | "keyCompromise"
  | "cACompromise"
  | "affiliationChanged"
  | "superseded"
  | "cessationOfOperation"
  | "certificateHold"
  | "removeFromCRL"
  | "privilegeWithdrawn"
  | "aACompromise";

/** A revoked certificate. */
export interface Revocation {
  /** Serial number, upper-case hexadecimal without leading zeros. */
  readonly serial: string;
  /** Why. */
  readonly reason: RevocationReason;
  /** Since when. */
  readonly revokedAt: Date;
}

/** The content of a revocation list for display. */
export interface RevocationListInfo {
  /** Common name of the authority, if it has one. */
  readonly issuer: string | undefined;
  /** Grows with every list; undefined if the list has none. */
  readonly number: bigint | undefined;
  /** When it was made. */
  readonly thisUpdate: Date;
  /** When the next one is due; undefined if the field is missing. */
  readonly nextUpdate: Date | undefined;
  /** The revoked certificates, in their order. */
  readonly revocations: readonly Revocation[];
}

/** Object identifiers of the extensions of lists and of their entries. */
export const crlExtensions = { number: "2.5.29.20", reason: "2.5.29.21" } as const;

/** By number. 7 is not used. */
export const reasonCodes: Readonly<Record<RevocationReason, number>> = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  removeFromCRL: 8,
  privilegeWithdrawn: 9,
  aACompromise: 10,
};

/**
 * Reads the first revocation list of a PEM text. Its signature is not verified.
 *
 * @throws {CertError} code `malformed`.
 */
export function readRevocationList(pem: string): RevocationListInfo {
  return describeList(parseList(decodePem("X509 CRL", pem)));
}

/**
 * Parses a list.
 *
 * @throws {CertError} code `malformed`.
 */
export function parseList(der: Uint8Array<ArrayBuffer>): CertificateRevocationList {
  try {
    return CertificateRevocationList.fromBER(der);
  } catch (cause) {
    throw new CertError("malformed", "the PEM block holds no revocation list", {
      cause,
      remedy: "check that it is the right file",
    });
  }
}

/** The content of a parsed list for display. */
export function describeList(list: CertificateRevocationList): RevocationListInfo {
  const name = list.issuer.typesAndValues.find(({ type }) => type === "2.5.4.3");
  const number = list.crlExtensions?.extensions
    .find(({ extnID }) => extnID === crlExtensions.number)?.parsedValue;
  return {
    issuer: name === undefined ? undefined : String(name.value.valueBlock.value),
    number: number instanceof Integer ? number.toBigInt() : undefined,
    thisUpdate: list.thisUpdate.value,
    nextUpdate: list.nextUpdate?.value,
    revocations: (list.revokedCertificates ?? []).map((entry) => ({
      serial: plainSerial(entry.userCertificate.valueBlock.valueHexView),
      reason: reasonOf(
        entry.crlEntryExtensions?.extensions
          .find(({ extnID }) => extnID === crlExtensions.reason)?.parsedValue,
      ),
      revokedAt: entry.revocationDate.value,
    })),
  };
}

function reasonOf(value: unknown): RevocationReason {
  if (!(value instanceof Enumerated)) return "unspecified";
  const code = value.valueBlock.valueDec;
  const names = Object.keys(reasonCodes) as RevocationReason[];
  return names.find((name) => reasonCodes[name] === code) ?? "unspecified";
}
