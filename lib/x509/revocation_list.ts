import { CertificateRevocationList } from "pkijs";
import { type CertificateReading, plainSerial } from "./certificate.ts";
import { X509Error } from "./errors.ts";
import { pemBlocks, pemText } from "./pem.ts";
import { checkSignature, type Signed } from "./signature.ts";
import { readSignatureAlgorithm } from "./signature_algorithm.ts";
import { certTool } from "../runtime/cert_tool.ts";

/** A revocation list as it was read. Its signature is not verified yet. */
export interface RevocationListReading extends Signed {
  /** The list in DER. */
  readonly der: Uint8Array;
  /** Upper-case hexadecimal without leading zeros. */
  readonly serialNumbers: ReadonlySet<string>;
  /** When it was made, milliseconds since the Unix epoch. */
  readonly thisUpdate: number;
  /** When the next one is due; undefined if the field is missing. */
  readonly nextUpdate: number | undefined;
  /** Number of a critical extension that is not known, if there is one. */
  readonly unknownCriticalExtension: string | undefined;
}

/** Certificates that an authority has revoked. Its signature is verified. */
export interface RevocationList
  extends Pick<RevocationListReading, "serialNumbers" | "thisUpdate" | "nextUpdate"> {
  /** SHA-256 of the public key of the authority that has signed it, lower-case hexadecimal. */
  readonly issuerKey: string;
}

/** CRL number and authority key identifier; others that are critical change what a list means. */
const knownExtensions: ReadonlySet<string> = new Set(["2.5.29.20", "2.5.29.35"]);
const rewrite = `write it anew with ${certTool} revoke, or with the tool of its authority`;

/**
 * Reads the lists of a PEM text, or the one that the bytes are (DER).
 *
 * @throws {X509Error} code `badRevocationList`, also when there is none.
 */
export function parseRevocationLists(source: Uint8Array | string): RevocationListReading[] {
  const text = typeof source === "string" ? source : pemText(source);
  const lists = readBlocks(text).map((der) => {
    try {
      return parseRevocationList(der);
    } catch (cause) {
      throw bad("a list in it cannot be parsed", rewrite, cause);
    }
  });
  if (lists.length === 0) {
    throw bad('there is no readable PEM block "X509 CRL", and no list in DER', rewrite);
  }
  const unknown = lists.find((list) => list.unknownCriticalExtension !== undefined);
  if (unknown === undefined) return lists;
  const problem =
    `a list has the critical extension ${unknown.unknownCriticalExtension}, which is not known`;
  throw bad(problem, "use a full list, neither a delta nor an indirect one");
}

function readBlocks(text: string): Uint8Array<ArrayBuffer>[] {
  try {
    return pemBlocks(text, "X509 CRL").map(({ der }) => der);
  } catch (cause) {
    throw bad((cause as X509Error).problem, rewrite, cause);
  }
}

/**
 * Reads one list.
 *
 * @throws {Error} when the bytes are no list.
 */
export function parseRevocationList(der: Uint8Array): RevocationListReading {
  const list = CertificateRevocationList.fromBER(Uint8Array.from(der));
  return {
    der,
    tbs: Uint8Array.from(list.tbsView),
    signature: Uint8Array.from(list.signatureValue.valueBlock.valueHexView),
    signatureAlgorithm: readSignatureAlgorithm(list.signatureAlgorithm),
    serialNumbers: new Set((list.revokedCertificates ?? []).map(({ userCertificate }) => {
      return plainSerial(userCertificate.valueBlock.valueHexView);
    })),
    thisUpdate: list.thisUpdate.value.getTime(),
    nextUpdate: list.nextUpdate?.value.getTime(),
    unknownCriticalExtension: list.crlExtensions?.extensions
      .find(({ critical, extnID }) => critical && !knownExtensions.has(extnID))?.extnID,
  };
}

/** Whether an authority has signed a list, and may. */
export function hasSignedList(
  authority: CertificateReading,
  list: RevocationListReading,
): boolean {
  return authority.keyUsages?.includes("cRLSign") !== false &&
    checkSignature(authority, list) === "valid";
}

/**
 * The lists that one of these authorities has signed. Other lists are ignored: after a rotation the
 * file may still hold the list of the old authority.
 *
 * @throws {X509Error} code `badRevocationList` when there are lists, and none is left.
 */
export function verifyLists(
  lists: readonly RevocationListReading[],
  authorities: readonly CertificateReading[],
): RevocationList[] {
  const verified = lists.flatMap((list) => {
    const signer = authorities.find((authority) => hasSignedList(authority, list));
    return signer === undefined ? [] : [listOf(signer, list)];
  });
  if (verified.length > 0 || lists.length === 0) return verified;
  const unchecked = lists.find(({ signatureAlgorithm }) => signatureAlgorithm.fault !== undefined);
  throw bad(
    unchecked === undefined
      ? "no revocation list in it is signed by one of the authorities"
      : `a revocation list ${unchecked.signatureAlgorithm.fault!.problem}`,
    "use the list of the authority that is trusted",
  );
}

/**
 * Lists that wait for their authority: an intermediate that only peers show. Of each authority in a
 * verified chain, those count that it has signed.
 */
export class ListsOfPeers {
  readonly #lists: readonly RevocationListReading[];
  /** By the public key of the authority. */
  readonly #verified = new Map<string, readonly RevocationList[]>();

  constructor(lists: readonly RevocationListReading[]) {
    this.#lists = lists;
  }

  /** The lists that an authority has signed. */
  of(authority: CertificateReading): readonly RevocationList[] {
    let verified = this.#verified.get(authority.publicKey);
    if (verified === undefined) {
      verified = this.#lists.filter((list) => hasSignedList(authority, list))
        .map((list) => listOf(authority, list));
      this.#verified.set(authority.publicKey, verified);
    }
    return verified;
  }
}

function listOf(
  { publicKey }: CertificateReading,
  { serialNumbers, thisUpdate, nextUpdate }: RevocationListReading,
): RevocationList {
  return { issuerKey: publicKey, serialNumbers, thisUpdate, nextUpdate };
}

function bad(problem: string, remedy: string, cause?: unknown): X509Error {
  return new X509Error("badRevocationList", problem, { remedy, cause });
}
