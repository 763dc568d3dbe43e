import { CertificateRevocationList } from "pkijs";
import { type Examined, plainSerial } from "./doctor_certificate.ts";
import { CertError } from "./errors.ts";
import { listVerifiedBy } from "./signature.ts";

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

const block = /-----BEGIN X509 CRL-----([\sA-Za-z0-9+/=]*)-----END X509 CRL-----/g;
/**
 * Reads the lists of a PEM text.
 *
 * @throws {CertError} code `malformed`.
 */
export function readRevocationLists(text: string): RevocationList[] {
  const blocks = [...text.matchAll(block)];
  try {
    const lists = blocks.map(([, base64]) => {
      const bytes = atob(base64!.replace(/\s/g, ""));
      return describe(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
    });
    if (lists.length > 0) return lists;
  } catch (cause) {
    throw malformed(cause);
  }
  throw malformed();
}

function describe(der: Uint8Array<ArrayBuffer>): RevocationList {
  const list = CertificateRevocationList.fromBER(der);
  const revoked = list.revokedCertificates ?? [];
  return {
    serials: new Set(revoked.map(({ userCertificate }) => {
      return plainSerial(hex(Uint8Array.from(userCertificate.valueBlock.valueHexView).buffer));
    })),
    thisUpdate: list.thisUpdate.value,
    nextUpdate: list.nextUpdate?.value,
    signedBy: (authority) => listVerifiedBy(list, authority.der),
  };
}

function hex(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function malformed(cause?: unknown): CertError {
  return new CertError("malformed", 'there is no readable PEM block "X509 CRL"', {
    cause,
    remedy: "write it anew with cert.ts revoke",
  });
}
