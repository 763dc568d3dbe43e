/**
 * The identity of a certificate's holder: a node, a client or an admin, with its name. A URI name
 * `spiffe://<domain>/node/<name>`, `.../client/<name>` or `.../admin/<name>` is the only source,
 * unless the option `identity` maps the certificates of another PKI (`identity_mapping.ts`). Pure.
 *
 * @module
 */
import type { CertificateNames } from "../runtime/identity_mapping.ts";
import type { CertifiedIdentity, ChainLink } from "../runtime/network.ts";
import type { CertificateReading } from "./certificate.ts";
import { replaceUnprintable } from "../runtime/unprintable.ts";
import { certTool } from "../runtime/cert_tool.ts";

/** Which class of peer a certificate is made for. */
export type CertificateClass = "node" | "client" | "admin";

/** The identity of a certificate's holder. */
export interface CertificateIdentity {
  readonly kind: CertificateClass;
  readonly name: string;
  /** The URI name in full, if the identity comes from one. */
  readonly uri?: string;
  /** Domain of that URI, if it is a SPIFFE ID. */
  readonly trustDomain?: string;
}

/** Why a certificate has no identity; `problem` completes "the certificate of X ...". */
export interface MissingIdentity {
  readonly problem: string;
  readonly remedy: string;
}

/** Maps a certificate to the identity of its holder. */
export interface IdentityMapper {
  /** The identity, or why there is none. */
  readonly identify: (names: CertificateNames) => CertificateIdentity | MissingIdentity;
  /**
   * Whether a peer must be of this end's trust domain. Patterns contain the domains that they
   * permit.
   */
  readonly sameDomain: boolean;
}

// SPIFFE-ID 2.1 and 2.2: letters, digits, dots, dashes and underscores; the domain in lower case.
const ownUri = /^spiffe:\/\/([a-z0-9._-]{1,255})\/(node|client|admin)\/([A-Za-z0-9._-]{1,255})$/;
const spiffeId = /^spiffe:\/\/([a-z0-9._-]{1,255})\/./;
/** Names that are shown in one message, and characters of each. */
const maxShownNames = 5;
const maxShownName = 120;

/** The mapper without the option `identity`. */
export const ownIdentities: IdentityMapper = { identify: identifyOwn, sameDomain: true };

/** The node, client or admin of a URI name as Casty's own tool writes it. */
export function parseOwnUri(uri: string): CertificateIdentity | undefined {
  const [, trustDomain, kind, name] = ownUri.exec(uri) ?? [];
  if (trustDomain === undefined || name === undefined) return undefined;
  return { kind: kind as CertificateClass, name, uri, trustDomain };
}

/** The trust domain of a SPIFFE ID; undefined for any other URI. */
export function trustDomainOf(uri: string): string | undefined {
  return spiffeId.exec(uri)?.[1];
}

/** The identities in Casty's own URI names: usually one. */
export function identitiesOf(
  { uris }: { readonly uris: readonly string[] },
): CertificateIdentity[] {
  return uris.flatMap((uri) => parseOwnUri(uri) ?? []);
}

/** Whether there is no identity. */
export function isMissing(
  outcome: CertificateIdentity | MissingIdentity,
): outcome is MissingIdentity {
  return "problem" in outcome;
}

/** Facts about the holder of a verified chain, whose identity is `identity`. */
export function identityOf(
  path: readonly CertificateReading[],
  identity: CertificateIdentity,
): CertifiedIdentity {
  const { hosts, fingerprint, notAfter } = path[0]!;
  return { ...identity, hosts, fingerprint, notAfter, chain: chainLinks(path) };
}

const issuers = new WeakMap<ChainLink, CertificateReading>();

/** The certificates of a chain, identified as in revocation lists and deny lists. */
export function chainLinks(path: readonly CertificateReading[]): ChainLink[] {
  return path.slice(0, -1).map(({ serialNumber, fingerprint, publicKey }, index) => {
    const issuer = path[index + 1]!;
    const link = { serialNumber, fingerprint, publicKey, issuerKey: issuer.publicKey };
    issuers.set(link, issuer);
    return link;
  });
}

/** The issuer in the chain that a link was made of; undefined for a link of other origin. */
export function issuerOf(link: ChainLink): CertificateReading | undefined {
  return issuers.get(link);
}

/**
 * Why a peer may not connect because of its trust domain; undefined: it may. Completes "the
 * certificate of X ...", and reads alike at both ends.
 */
export function domainProblem(
  own: { readonly trustDomain?: string },
  peer: { readonly trustDomain?: string },
  mapper: IdentityMapper,
): string | undefined {
  if (!mapper.sameDomain || own.trustDomain === peer.trustDomain) return undefined;
  return `is of ${domainText(peer.trustDomain)}, and only peers of ` +
    `${domainText(own.trustDomain)} are accepted`;
}

/** `"node node-1"` or `"client reports"`, or the first name of a certificate without a class. */
export function describeCertificate(reading: CertificateReading): string {
  const [identity] = identitiesOf(reading);
  if (identity !== undefined) return `${identity.kind} ${identity.name}`;
  const { commonName, uris, hosts } = reading;
  return printableName(commonName ?? uris[0] ?? hosts[0] ?? "an unnamed subject");
}

/** The names of a certificate for a message. */
export function listNames(names: CertificateNames): string {
  const all = [
    ...names.uris.map((uri) => `URI ${uri}`),
    ...names.dnsNames.map((name) => `DNS ${name}`),
    ...names.ipAddresses.map((address) => `IP ${address}`),
    ...names.commonNames.map((name) => `CN=${name}`),
    ...names.organizations.map((name) => `O=${name}`),
    ...names.organizationalUnits.map((name) => `OU=${name}`),
  ];
  if (all.length === 0) return "no name at all";
  const more = all.length - maxShownNames;
  const shown = all.slice(0, maxShownNames).map((name) => printableName(name)).join(", ");
  return more > 0 ? `${shown} and ${more} more` : shown;
}

/** A name that a certificate's subject may have chosen: it must not fill a log or steer a terminal. */
export function printableName(text: string, max: number = maxShownName): string {
  return replaceUnprintable(text.slice(0, max));
}

function identifyOwn(names: CertificateNames): CertificateIdentity | MissingIdentity {
  const [identity, second] = identitiesOf(names);
  if (identity === undefined) {
    return {
      problem:
        "has no URI name spiffe://<domain>/node/<name> or .../client/<name> or .../admin/<name>; " +
        `it has ${listNames(names)}`,
      remedy:
        `issue it with ${certTool}; or, to use certificates of another PKI, say with the option ` +
        "identity of TlsConfig which names are nodes and which are clients" +
        `${example(names)} (docs/foreign_pki.md)`,
    };
  }
  if (second === undefined) return identity;
  return {
    problem: "has more than one name of a node, client or admin: " +
      `it is ${identity.kind} ${identity.name} and ${second.kind} ${second.name}`,
    remedy: "issue one certificate for each node, client and admin",
  };
}

/** A pattern that the certificate would match. */
function example({ uris, dnsNames, commonNames }: CertificateNames): string {
  const uri = uris.find((uri) => trustDomainOf(uri) !== undefined);
  const dns = dnsNames.find((name) => !name.includes("*") && name !== "localhost");
  const [commonName] = commonNames;
  const subject = commonName && `subject:CN=${commonName.replaceAll(",", "\\,")}`;
  const pattern = uri ?? (dns && `dns:${dns}`) ?? subject;
  return pattern === undefined
    ? ""
    : `, such as identity: { node: ${JSON.stringify(printableName(pattern))} }`;
}

function domainText(trustDomain: string | undefined): string {
  return trustDomain === undefined ? "no trust domain" : `the trust domain ${trustDomain}`;
}
