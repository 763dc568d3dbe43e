import { checkOptions, resolveOptions } from "../../options/check_options.ts";
import {
  caDefaults,
  needsRenewalDefaults,
  needsRenewalTable,
  renewTable,
} from "../../options/tables/cert_tables.ts";
import type { KeyObject } from "node:crypto";
import { Certificate } from "pkijs";
import { type Issued, issued } from "./authority.ts";
import { buildCertificate, startOfValidity } from "./certificate_builder.ts";
import { type CertificateInfo, readCertificate } from "./certificate_info.ts";
import { CertError } from "../errors.ts";
import {
  type Authority,
  belongs,
  checkIssued,
  leafEnd,
  openAuthority,
} from "./issuing_authority.ts";
import { generateKey, type KeyType, keyTypes, parseKeyType } from "./key_type.ts";
import { decodePem } from "./pem.ts";
import { readPrivateKey } from "./private_key.ts";
import { revocationOf } from "./revocation.ts";
import { derIssuedBy } from "../../x509/chain.ts";
import { parseSpan, type ValidityOptions, validitySpan, wholeSeconds } from "./validity.ts";

/** Options of `renew`. Default validity: as long as before, or up to the authority's end. */
export interface RenewOptions extends ValidityOptions {
  /** Certifies the present key once more. Default false: a new key is made. */
  readonly keepKey?: boolean;
  /** Of the new key. Default: as the present one, or `"p256"` when that is of another type. */
  readonly keyType?: KeyType;
  /** The authority's revocation list, PEM. Default: nothing is revoked. */
  readonly crl?: string;
}

/** Subject key identifier and authority key identifier follow from the keys. */
const ofKeys: ReadonlySet<string> = new Set(["2.5.29.14", "2.5.29.35"]);

/**
 * Issues a certificate once more: the same subject, names and usages, a new serial number, a new key
 * unless `keepKey` is set. One that has expired can be renewed; one that is revoked, or that another
 * authority has issued, cannot.
 *
 * @throws {CertError} codes `unknownCertificate`, `revoked`, `isAuthority`, `badKeyType`, and those
 * of {@linkcode issueNode}; `keyMismatch` when the key that is to be kept is not the certificate's.
 *
 * @example
 * ```ts
 * import { createCa, issueNode, needsRenewal, renew } from "@casty/casty/cert";
 *
 * const ca = await createCa();
 * const node = await issueNode(ca, { hosts: ["node-1"] });
 * if ((await needsRenewal(node.cert)).needed) {
 *   const next = await renew(ca, node);
 *   console.assert(next.cert !== node.cert);
 * }
 * ```
 */
export async function renew(
  ca: Authority,
  present: { readonly cert: string; readonly key?: string },
  options: RenewOptions = {},
): Promise<Issued> {
  checkOptions(renewTable, options);
  const der = decodePem("CERTIFICATE", present.cert);
  if (!derIssuedBy(der, decodePem("CERTIFICATE", ca.cert))) {
    throw new CertError("unknownCertificate", "another authority has issued the certificate", {
      remedy: "name the authority that has issued it, or use create-node or create-client",
    });
  }
  return await reissueUnder(ca, present, options);
}

/** As {@linkcode renew}, for the certificate of any authority; a rotation needs that. */
export async function reissueUnder(
  ca: Authority,
  present: { readonly cert: string; readonly key?: string },
  options: RenewOptions = {},
): Promise<Issued> {
  checkOptions(renewTable, options);
  const { old, info } = await readLeaf(present.cert);
  if (options.crl !== undefined) refuseRevoked(ca, info, options.crl);
  const asked = validitySpan(options);
  const issuer = openAuthority(ca, "keyCertSign");
  const key = await keyFor(present, info, options);
  const notBefore = startOfValidity(issuer.certificate);
  const end = asked === undefined
    ? notBefore.getTime() + info.notAfter.getTime() - info.notBefore.getTime()
    : Date.now() + asked.ms;
  const certificate = await buildCertificate({
    subject: old.subject,
    notBefore,
    notAfter: leafEnd(wholeSeconds(end), asked, issuer.certificate),
    key,
    extensions: (old.extensions ?? []).filter(({ extnID }) => !ofKeys.has(extnID)),
  }, issuer);
  checkIssued(certificate, issuer);
  return await issued(certificate, key);
}

/** Options of `needsRenewal`. */
export interface NeedsRenewalOptions {
  /**
   * When it is due: `"75%"` when that part of its validity is over, 1 to 100; `"720h"`, `"30d"` or
   * `"30m"` when it expires within that time. Default `"66%"`.
   */
  readonly expiresIn?: string;
  /** Default: now. */
  readonly now?: Date;
}

/** Whether a certificate is to be renewed. */
export interface RenewalNeed {
  /** Whether it is due, or has expired. */
  readonly needed: boolean;
  /** When it is due. */
  readonly dueAt: Date;
  /** When it expires. */
  readonly notAfter: Date;
}

/** How much of a certificate's validity passes before it is due, by default. */
export const defaultExpiresIn = needsRenewalDefaults.expiresIn;

/**
 * Whether it is time to renew a certificate. The default, two thirds of its validity, is that of step.
 *
 * @throws {CertError} codes `malformed`, and `badValidity` for an `expiresIn` that is not possible.
 */
export async function needsRenewal(
  cert: string,
  options: NeedsRenewalOptions = {},
): Promise<RenewalNeed> {
  const { expiresIn, now = new Date() } = resolveOptions(needsRenewalTable, options);
  const lead = leadOf(expiresIn);
  const { notBefore, notAfter } = await readCertificate(cert);
  const dueAt = new Date(lead(notBefore.getTime(), notAfter.getTime()));
  return { needed: now >= dueAt || now >= notAfter, dueAt, notAfter };
}

function leadOf(expiresIn: string): (start: number, end: number) => number {
  const percent = /^(\d{1,3})%$/.exec(expiresIn)?.[1];
  if (percent === undefined) {
    const { ms } = parseSpan(expiresIn, "a time before expiry");
    return (_start, end) => end - ms;
  }
  const part = Number(percent) / 100;
  if (part > 0 && part <= 1) return (start, end) => start + (end - start) * part;
  throw new CertError("badValidity", `${expiresIn} of a certificate's validity is not possible`, {
    value: expiresIn,
    remedy: "use 1% to 100%, or a time such as 720h",
  });
}

async function readLeaf(cert: string): Promise<{ old: Certificate; info: CertificateInfo }> {
  // Says what is wrong with it.
  const info = await readCertificate(cert);
  const old = Certificate.fromBER(decodePem("CERTIFICATE", cert));
  if (!info.isAuthority) return { old, info };
  throw new CertError("isAuthority", "the certificate is that of an authority", {
    remedy: "replace an authority with rotate-ca",
  });
}

function refuseRevoked(ca: Authority, { serial }: CertificateInfo, crl: string): void {
  const revocation = revocationOf(ca.cert, serial, crl);
  if (revocation === undefined) return;
  throw new CertError(
    "revoked",
    `the certificate (serial ${serial}) was revoked on ${revocation.revokedAt.toISOString()}`,
    { value: serial, remedy: "issue another one with create-node or create-client" },
  );
}

async function keyFor(
  { cert, key }: { readonly cert: string; readonly key?: string },
  info: CertificateInfo,
  options: RenewOptions,
): Promise<KeyObject> {
  if (options.keepKey !== true) {
    const present = keyTypes.find((type) => type === info.keyType);
    return await generateKey(parseKeyType(options.keyType ?? present ?? caDefaults.keyType));
  }
  if (options.keyType !== undefined) {
    throw new CertError("badKeyType", "a key that is kept has its type already", {
      value: options.keyType,
      remedy: "leave one of keyType and keepKey out",
    });
  }
  if (key === undefined) {
    throw new CertError("notFound", "the key that is to be kept is not here", {
      remedy: "give the key, or have a new one made",
    });
  }
  const kept = readPrivateKey(key);
  if (belongs(decodePem("CERTIFICATE", cert), kept)) return kept;
  throw new CertError("keyMismatch", "the key does not belong to the certificate", {
    remedy: "use the two files that were written together, or have a new key made",
  });
}
