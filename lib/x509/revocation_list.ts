import { CertificateRevocationList } from "pkijs";
import { type CertificateReading, plainSerial } from "./certificate.ts";
import { X509Error } from "./errors.ts";
import { pemBlocks } from "./pem.ts";
import { listVerifiedBy } from "./signature.ts";

/** Certificates that an authority has revoked. Its signature is verified. */
export interface RevocationList {
  /** SHA-256 of the public key of the authority that has signed it, lower-case hexadecimal. */
  readonly issuerKey: string;
  /** Upper-case hexadecimal without leading zeros. */
  readonly serialNumbers: ReadonlySet<string>;
  /** When it was made, milliseconds since the Unix epoch. */
  readonly thisUpdate: number;
  /** When the next one is due; undefined if it does not say. */
  readonly nextUpdate: number | undefined;
}

/** CRL number and authority key identifier; others that are critical change what a list means. */
const knownExtensions: ReadonlySet<string> = new Set(["2.5.29.20", "2.5.29.35"]);

/**
 * Reads the lists of a PEM text, or the one that the bytes are (DER). Of a list that no authority
 * here has signed nothing is taken: after a rotation the file may still hold that of the old one.
 *
 * @throws {X509Error} code `badRevocationList`, also when no list at all fits.
 */
export function readRevocationLists(
  bytes: Uint8Array,
  authorities: readonly CertificateReading[],
): RevocationList[] {
  const lists = parse(bytes);
  const verified = lists.flatMap((list) => {
    const signer = authorities.find((authority) => signedBy(list, authority));
    return signer === undefined ? [] : [describe(list, signer)];
  });
  if (verified.length > 0) return verified;
  throw bad("no list in it is signed by an authority in caFile", "use the list of our CA");
}

function parse(bytes: Uint8Array): CertificateRevocationList[] {
  const text = new TextDecoder("latin1").decode(bytes);
  const blocks = pemBlocks(text).filter(({ label }) => label === "X509 CRL");
  // A DER list begins with the tag of a sequence; a PEM text with anything else.
  const ders = blocks.length === 0 && bytes[0] === 0x30 ? [bytes] : blocks.map(({ der }) => der);
  try {
    const lists = ders.map((der) => CertificateRevocationList.fromBER(Uint8Array.from(der)));
    if (lists.length > 0) return lists;
  } catch (cause) {
    throw bad("a list in it cannot be parsed", rewrite, cause);
  }
  throw bad("it holds neither a PEM block X509 CRL nor a list in DER", rewrite);
}

const rewrite = "write it anew with cert.ts revoke";

function signedBy(list: CertificateRevocationList, authority: CertificateReading): boolean {
  return authority.keyUsage?.cRLSign !== false && listVerifiedBy(list, authority.der);
}

function describe(
  list: CertificateRevocationList,
  signer: CertificateReading,
): RevocationList {
  const strange = list.crlExtensions?.extensions
    .find(({ critical, extnID }) => critical && !knownExtensions.has(extnID));
  if (strange !== undefined) {
    const problem = `a list in it has the critical extension ${strange.extnID}, which is not known`;
    throw bad(problem, "use a full list, neither a delta nor an indirect one");
  }
  return {
    issuerKey: signer.publicKey,
    serialNumbers: new Set((list.revokedCertificates ?? []).map(({ userCertificate }) => {
      return plainSerial(userCertificate.valueBlock.valueHexView);
    })),
    thisUpdate: list.thisUpdate.value.getTime(),
    nextUpdate: list.nextUpdate?.value.getTime(),
  };
}

function bad(problem: string, remedy: string, cause?: unknown): X509Error {
  return new X509Error("badRevocationList", problem, { remedy, cause });
}
