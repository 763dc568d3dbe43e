import { checkOptions } from "../../options/check_options.ts";
import { revokeDefaults, revokeTable } from "../../options/tables/cert_tables.ts";
import { BitString, Enumerated, Integer } from "asn1js";
import {
  AuthorityKeyIdentifier,
  CertificateRevocationList,
  Extensions,
  RevokedCertificate,
} from "pkijs";
import { authorityKeyIdentifier, extension, type Issuer, timeOf } from "./certificate_builder.ts";
import type { CertificateReading } from "../../x509/certificate.ts";
import { encodePem } from "../../x509/pem.ts";
import { hasSignedList, parseRevocationList } from "../../x509/revocation_list.ts";
import { parseCertificate, readCertificate } from "./certificate_info.ts";
import { CertError } from "../errors.ts";
import { type Authority, openAuthority } from "./issuing_authority.ts";
import { signerOf } from "./key_type.ts";
import { decodePem, pemBlocks } from "./pem.ts";
import {
  crlExtensions,
  describeList,
  parseList,
  reasonCodes,
  type Revocation,
  type RevocationListInfo,
  type RevocationReason,
} from "./revocation_info.ts";
import { derIssuedBy } from "../../x509/chain.ts";
import { parseSpan, wholeSeconds } from "./validity.ts";
import { command } from "../tool_command.ts";

/** Options of `revoke`. */
export interface RevokeOptions {
  /** Certificates to revoke, PEM. Without any, and without serials, the list is only renewed. */
  readonly certificates?: readonly string[];
  /** Serial numbers to revoke, hexadecimal, for certificates that are not at hand. */
  readonly serials?: readonly string[];
  /** The current list, PEM: its entries stay revoked. Default: there is none yet. */
  readonly crl?: string;
  /** Why. Default `"unspecified"`. */
  readonly reason?: RevocationReason;
  /** When the next list is due at the latest, such as `"30d"` from now. Default `"30d"`. */
  readonly nextUpdate?: string;
}

/** A list that an authority has signed. */
export interface RevokedList extends RevocationListInfo {
  /** The list, PEM; lists of other authorities that stood in the old text follow it. */
  readonly crl: string;
  /** Serial numbers that were not in the list before. */
  readonly added: readonly string[];
  /** Requested entries that the list already contained: they are unchanged. */
  readonly known: readonly Revocation[];
}

/** Revocation reasons that apply to a leaf and are permanent. */
export const revocationReasons: readonly RevocationReason[] = [
  "unspecified",
  "keyCompromise",
  "affiliationChanged",
  "superseded",
  "cessationOfOperation",
  "privilegeWithdrawn",
];

/** More make a file of over 1 MiB, and each node parses it at once. */
const maxRevocations = 10_000;

/**
 * Revokes certificates: signs a list (RFC 5280, version 2) with all that the old one revokes and
 * the new ones, and a number that is one higher.
 *
 * @throws {CertError} codes `unknownCertificate` (another authority has issued it, or signed the
 * list), `isAuthority`, `badReason`, `badSerial`, `badValidity`, `malformed`, and those of an
 * authority.
 *
 * @example
 * ```ts
 * import { createCa, issueClient, revoke, verify } from "@casty/casty/cert";
 *
 * const ca = await createCa();
 * const shop = await issueClient(ca, { name: "shop" });
 * const { crl } = await revoke(ca, { certificates: [shop.cert], reason: "keyCompromise" });
 * const { failures } = await verify(shop.cert, { ca: ca.cert, crl });
 * console.assert(failures[0]?.rule === "revocation");
 * ```
 */
export async function revoke(ca: Authority, options: RevokeOptions = {}): Promise<RevokedList> {
  checkOptions(revokeTable, options);
  const reason = checkReason(options.reason ?? revokeDefaults.reason);
  const span = parseSpan(
    options.nextUpdate ?? revokeDefaults.nextUpdate,
    "a time until the next list",
  );
  const serials = (options.serials ?? []).map(checkSerial);
  for (const cert of options.certificates ?? []) serials.push(await serialOf(cert, ca));
  const issuer = openAuthority(ca, "cRLSign");
  const { own, others } = splitLists(options.crl ?? "", ca);
  const now = wholeSeconds(Date.now());
  const revocations = new Map(own?.revocations.map((entry) => [entry.serial, entry]));
  const asked = [...new Set(serials)];
  const added = asked.filter((serial) => !revocations.has(serial));
  const known = asked.flatMap((serial) => revocations.get(serial) ?? []);
  for (const serial of added) revocations.set(serial, { serial, reason, revokedAt: now });
  if (revocations.size > maxRevocations) {
    throw new CertError("badSerial", `a list of ${revocations.size} certificates is too long`, {
      value: revocations.size,
      remedy: "replace the authority with rotate-ca",
    });
  }
  const list = await buildList(issuer, {
    number: (own?.number ?? 0n) + 1n,
    thisUpdate: now,
    nextUpdate: wholeSeconds(now.getTime() + span.ms),
    revocations: [...revocations.values()],
  });
  const pem = encodePem("X509 CRL", list.toSchema(true).toBER());
  return { ...describeList(list), crl: [pem, ...others].join(""), added, known };
}

/** The entry about a serial number in the list that the authority has signed. */
export function revocationOf(ca: string, serial: string, crl: string): Revocation | undefined {
  const authority = parseCertificate(decodePem("CERTIFICATE", ca));
  for (const { der } of pemBlocks(crl, "X509 CRL")) {
    const list = parseList(der);
    if (!hasSignedList(authority, parseRevocationList(der))) continue;
    const found = describeList(list).revocations.find((entry) => entry.serial === serial);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The authority's own list with the highest number, and the blocks of all others. */
function splitLists(
  text: string,
  ca: Authority,
): { own: RevocationListInfo | undefined; others: string[] } {
  const authority = parseCertificate(decodePem("CERTIFICATE", ca.cert));
  const others: string[] = [];
  let own: RevocationListInfo | undefined;
  const blocks = pemBlocks(text, "X509 CRL");
  if (blocks.length === 0 && text.trim() !== "") decodePem("X509 CRL", text);
  for (const { der, pem } of blocks) {
    const list = parseList(der);
    if (!hasSignedList(authority, parseRevocationList(der))) {
      refuseBroken(list, authority);
      others.push(pem);
      continue;
    }
    const info = describeList(list);
    own = own === undefined ? info : merged(own, info);
  }
  return { own, others };
}

/** Entries of both stay revoked, with their original dates. */
function merged(a: RevocationListInfo, b: RevocationListInfo): RevocationListInfo {
  const [older, newer] = (a.number ?? 0n) <= (b.number ?? 0n) ? [a, b] : [b, a];
  const all = [...newer.revocations, ...older.revocations].map((one) => [one.serial, one] as const);
  return { ...newer, revocations: [...new Map(all).values()] };
}

/** A list that names the authority's key must bear its signature, or its entries would be lost. */
function refuseBroken(list: CertificateRevocationList, authority: CertificateReading): void {
  const named = list.crlExtensions?.extensions.map(({ parsedValue }) => parsedValue)
    .find((value) => value instanceof AuthorityKeyIdentifier)?.keyIdentifier;
  const { subjectKeyId } = authority;
  if (named === undefined || subjectKeyId === undefined) return;
  const id = Array.from(
    named.valueBlock.valueHexView,
    (byte) => byte.toString(16).padStart(2, "0"),
  );
  if (id.join("") !== subjectKeyId) return;
  throw new CertError("malformed", "the list names this authority, but its signature is wrong", {
    remedy: "restore the list from a copy: what it revokes must not be forgotten",
  });
}

interface ListContents {
  readonly number: bigint;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly revocations: readonly Revocation[];
}

/** pkijs exposes the signed bytes to subclasses only. */
class SignableList extends CertificateRevocationList {
  toBeSigned(): ArrayBuffer {
    return this.encodeTBS().toBER();
  }
}

async function buildList(
  { certificate, key }: Issuer,
  { number, thisUpdate, nextUpdate, revocations }: ListContents,
): Promise<CertificateRevocationList> {
  const { algorithm, sign } = signerOf(key);
  const list = new SignableList();
  list.version = 1;
  list.signature = algorithm;
  list.signatureAlgorithm = algorithm;
  list.issuer = certificate.subject;
  list.thisUpdate = timeOf(thisUpdate);
  list.nextUpdate = timeOf(nextUpdate);
  if (revocations.length > 0) list.revokedCertificates = revocations.map(entryOf);
  list.crlExtensions = new Extensions({
    extensions: [
      await authorityKeyIdentifier(certificate),
      extension(crlExtensions.number, false, Integer.fromBigInt(number).toBER()),
    ],
  });
  const signed = list.toBeSigned();
  list.tbsView = new Uint8Array(signed);
  list.signatureValue = new BitString({ valueHex: sign(signed) });
  return list;
}

function entryOf({ serial, reason, revokedAt }: Revocation): RevokedCertificate {
  const entry = new RevokedCertificate({
    userCertificate: Integer.fromBigInt(BigInt(`0x${serial}`)),
    revocationDate: timeOf(revokedAt),
  });
  // RFC 5280, 5.3.1: the reason "unspecified" is left out.
  if (reason === "unspecified") return entry;
  const value = new Enumerated({ value: reasonCodes[reason] }).toBER();
  entry.crlEntryExtensions = new Extensions({
    extensions: [extension(crlExtensions.reason, false, value)],
  });
  return entry;
}

async function serialOf(cert: string, ca: Authority): Promise<string> {
  const { serial, isAuthority } = await readCertificate(cert);
  if (isAuthority) {
    throw new CertError("isAuthority", "an authority cannot be revoked by its own list", {
      value: serial,
      remedy: "replace it with rotate-ca",
    });
  }
  if (derIssuedBy(decodePem("CERTIFICATE", cert), decodePem("CERTIFICATE", ca.cert))) return serial;
  throw new CertError(
    "unknownCertificate",
    `another authority has issued the certificate with the serial number ${serial}`,
    { value: serial, remedy: "name the authority that has issued it" },
  );
}

function checkReason(reason: string): RevocationReason {
  const found = revocationReasons.find((name) => name === reason);
  if (found !== undefined) return found;
  throw new CertError("badReason", `${JSON.stringify(reason)} is no reason to revoke`, {
    value: reason,
    remedy: `use ${revocationReasons.join(", ")}`,
  });
}

/** RFC 5280, 4.1.2.2: positive, up to 20 bytes. */
function checkSerial(text: string): string {
  const plain = text.replaceAll(":", "").toUpperCase().replace(/^0+(?=.)/, "");
  if (/^[0-9A-F]{1,40}$/.test(plain) && plain !== "0") return plain;
  throw new CertError("badSerial", `${JSON.stringify(text)} is no serial number`, {
    value: text,
    remedy: `use the hexadecimal digits that ${command("info", "FILE")} shows`,
  });
}
