import { CertificateRevocationList } from "pkijs";
import { serialText } from "../authority/certificate_info.ts";
import type { Examined } from "./doctor_certificate.ts";
import { CertError } from "../errors.ts";
import { pemBlocks } from "../authority/pem.ts";
import { listVerifiedBy } from "../../x509/signature.ts";

/** A list of revoked certificates. */
export interface RevocationList {
  /** Serial numbers as {@linkcode Examined}. */
  readonly serials: ReadonlySet<string>;
  readonly thisUpdate: Date;
  /** When the next list was to come; undefined if it does not say. */
  readonly nextUpdate: Date | undefined;
  /** Whether an authority has signed it. */
  readonly signedBy: (authority: Examined) => boolean;
}

/** CRL number and authority key identifier; others that are critical change what a list means. */
const knownExtensions: ReadonlySet<string> = new Set(["2.5.29.20", "2.5.29.35"]);

/**
 * Reads the lists of a PEM text, by the rules of a node: what it would refuse is refused here.
 *
 * @throws {CertError} code `malformed`.
 */
export function readRevocationLists(text: string): RevocationList[] {
  let lists: CertificateRevocationList[];
  try {
    lists = pemBlocks(text, "X509 CRL").map(({ der }) => CertificateRevocationList.fromBER(der));
  } catch (cause) {
    throw malformed(cause);
  }
  if (lists.length === 0) throw malformed();
  return lists.map(describe);
}

function describe(list: CertificateRevocationList): RevocationList {
  const strange = list.crlExtensions?.extensions
    .find(({ critical, extnID }) => critical && !knownExtensions.has(extnID));
  if (strange !== undefined) {
    const problem = `a list has the critical extension ${strange.extnID}, which is not known`;
    throw new CertError("malformed", problem, {
      value: strange.extnID,
      remedy: "use a full list, neither a delta nor an indirect one",
    });
  }
  const revoked = list.revokedCertificates ?? [];
  return {
    serials: new Set(revoked.map(({ userCertificate }) => {
      return serialText(userCertificate.valueBlock.valueHexView);
    })),
    thisUpdate: list.thisUpdate.value,
    nextUpdate: list.nextUpdate?.value,
    signedBy: ({ der, info }) => {
      const mayNot = info.keyUsages.length > 0 && !info.keyUsages.includes("cRLSign");
      return !mayNot && listVerifiedBy(list, der);
    },
  };
}

function malformed(cause?: unknown): CertError {
  return new CertError("malformed", 'there is no readable PEM block "X509 CRL"', {
    cause,
    remedy: "write it anew with cert.ts revoke",
  });
}
