/**
 * Creates authorities and issues certificates for nodes, clients and admins.
 *
 * @module
 */
import { checkOptions } from "../../options/check_options.ts";
import {
  adminCertificateTable,
  caDefaults,
  caTable,
  clientCertificateTable,
  nodeCertificateTable,
} from "../../options/tables/cert_tables.ts";
import type { KeyObject } from "node:crypto";
import type { Certificate } from "pkijs";
import {
  buildCertificate,
  commonNameSubject,
  type Issuer,
  startOfValidity,
} from "./certificate_builder.ts";
import { authorityExtensions, leafExtensions } from "./certificate_role.ts";
import { readCertificate } from "./certificate_info.ts";
import { CertError } from "../errors.ts";
import type { HostName } from "../../x509/host_names.ts";
import type { CertificateClass } from "../../x509/identity.ts";
import { parseHostName } from "./host_name.ts";
import { type Authority, checkIssued, leafEnd, openAuthority } from "./issuing_authority.ts";
import { generateKey, type KeyType, parseKeyType } from "./key_type.ts";
import { encodePem } from "../../x509/pem.ts";
import { checkPassphrase, writePrivateKey } from "./private_key.ts";
import { trustDomainOf, trustDomainOfAuthority, uriPart } from "./trust_domain.ts";
import { parseSpan, type ValidityOptions, validitySpan, wholeSeconds } from "./validity.ts";

/** A certificate and its private key. */
export interface Issued {
  /** The certificate, PEM. */
  readonly cert: string;
  /** The private key, PKCS#8 PEM; encrypted only where a passphrase was given. */
  readonly key: string;
  /** End of validity. */
  readonly notAfter: Date;
}

/** Options of `createCa`. Default validity: 365 days. */
export interface CaOptions extends ValidityOptions {
  /**
   * Name of the cluster, which becomes the trust domain of issued certificates: in lower case, with
   * a dash in place of every character other than letters, digits, dot, dash and underscore. Peers
   * of different trust domains refuse each other. Default: the domain is made of `commonName`.
   */
  readonly clusterName?: string;
  /** 1 to 64 characters. Default `"casty-ca"`, or `"<clusterName>-ca"`. */
  readonly commonName?: string;
  /** Default `"p256"`. */
  readonly keyType?: KeyType;
  /**
   * Encrypts the key (PBES2: AES-256-CBC, PBKDF2 with HMAC-SHA-256), 1 to 1 024 bytes. Default: the
   * key is not encrypted.
   */
  readonly passphrase?: string;
}

/** Options of `issueNode`. Default validity: 90 days, or up to the authority's end. */
export interface NodeOptions extends ValidityOptions {
  /** Names and IP addresses under which the node is reached, at least one. */
  readonly hosts: readonly string[];
  /** 1 to 64 characters. Default: the first host. */
  readonly commonName?: string;
  /** Name of the cluster; see {@linkcode CaOptions}. Default: that of the authority. */
  readonly clusterName?: string;
  /** Default `"p256"`. */
  readonly keyType?: KeyType;
}

/** Options of `issueClient`. Default validity: 90 days, or up to the authority's end. */
export interface ClientOptions extends ValidityOptions {
  /** 1 to 64 letters, digits, dots, dashes or underscores. */
  readonly name: string;
  /** Name of the cluster; see {@linkcode CaOptions}. Default: that of the authority. */
  readonly clusterName?: string;
  /** Default `"p256"`. */
  readonly keyType?: KeyType;
}

/** Options of `issueAdmin`. Default validity: 90 days, or up to the authority's end. */
export interface AdminOptions extends ValidityOptions {
  /** 1 to 64 letters, digits, dots, dashes or underscores: who or what operates the cluster. */
  readonly name: string;
  /** Name of the cluster; see {@linkcode CaOptions}. Default: that of the authority. */
  readonly clusterName?: string;
  /** Default `"p256"`. */
  readonly keyType?: KeyType;
}

const defaultLeafSpan = parseSpan("90d");
const defaultCaSpan = parseSpan("365d");

/**
 * Creates a certificate authority: self-signed, for leaf certificates and revocation lists only.
 *
 * @throws {CertError} codes `badName`, `badValidity`, `badKeyType`, `badPassphrase`.
 *
 * @example
 * ```ts
 * import { createCa, issueNode } from "@casty/casty/cert";
 *
 * const ca = await createCa({ clusterName: "shop", validity: "365d" });
 * const node = await issueNode(ca, { hosts: ["node-1", "10.0.1.10"], validity: "24h" });
 * console.assert(node.cert.startsWith("-----BEGIN CERTIFICATE-----"));
 * ```
 */
export async function createCa(options: CaOptions = {}): Promise<Issued> {
  checkOptions(caTable, options);
  const { clusterName, keyType = caDefaults.keyType } = options;
  const domain = clusterName === undefined ? undefined : trustDomainOf(clusterName);
  const ownName = domain === undefined ? caDefaults.commonName : `${domain.slice(0, 61)}-ca`;
  const subject = commonNameSubject(checkCommonName(options.commonName ?? ownName));
  const span = validitySpan(options) ?? defaultCaSpan;
  if (options.passphrase !== undefined) checkPassphrase(options.passphrase);
  const key = await generateKey(parseKeyType(keyType));
  const certificate = await buildCertificate({
    subject,
    notBefore: startOfValidity(),
    notAfter: wholeSeconds(Date.now() + span.ms),
    key,
    extensions: authorityExtensions(domain),
  });
  return await issued(certificate, key, options.passphrase);
}

/**
 * Issues a certificate with which its holder can be a member, for servers and clients. It carries
 * the hosts and the name `spiffe://<trust domain>/node/<first host>`.
 *
 * @throws {CertError} codes `badName`, `badValidity`, `badKeyType`, `beyondAuthority`,
 * `authorityExpired`, `authorityNotYetValid`, `notAnAuthority`, `keyMismatch`, `encryptedKey`,
 * `wrongPassphrase`, `unsupportedKey`, `malformed`.
 */
export async function issueNode(ca: Authority, options: NodeOptions): Promise<Issued> {
  checkOptions(nodeCertificateTable, options);
  const [first] = options.hosts;
  if (first === undefined) {
    throw new CertError("badName", "a node certificate needs at least one host", {
      remedy: "name the hosts and addresses under which the node is reached",
    });
  }
  const hosts = distinct(options.hosts.map(parseHostName));
  const commonName = checkCommonName(options.commonName ?? first);
  return await issueLeaf(ca, { role: "node", name: uriPart(first), commonName, hosts }, options);
}

/**
 * Issues a certificate for a client of the cluster. It carries the name
 * `spiffe://<trust domain>/client/<name>`; its holder never becomes a member.
 *
 * @throws {CertError} as {@linkcode issueNode}.
 */
export async function issueClient(ca: Authority, options: ClientOptions): Promise<Issued> {
  checkOptions(clientCertificateTable, options);
  const name = checkName(options.name, "a client");
  return await issueLeaf(ca, { role: "client", name, commonName: name, hosts: [] }, options);
}

/**
 * Issues a certificate for an admin: a person or program that operates the cluster with `casty`. It
 * carries the name `spiffe://<trust domain>/admin/<name>`. Its holder may do what clients may, and
 * have members leave or declare them down: keep its validity short.
 *
 * @throws {CertError} as {@linkcode issueNode}.
 *
 * @example
 * ```ts
 * import { certificateInfo, createCa, issueAdmin } from "@casty/casty/cert";
 *
 * const ca = await createCa({ clusterName: "shop" });
 * const { cert } = await issueAdmin(ca, { name: "alice", validity: "8h" });
 * console.assert((await certificateInfo(cert)).uris[0] === "spiffe://shop/admin/alice");
 * ```
 */
export async function issueAdmin(ca: Authority, options: AdminOptions): Promise<Issued> {
  checkOptions(adminCertificateTable, options);
  const name = checkName(options.name, "an admin");
  return await issueLeaf(ca, { role: "admin", name, commonName: name, hosts: [] }, options);
}

function checkName(name: string, holder: string): string {
  if (/^[A-Za-z0-9._-]{1,64}$/.test(name)) return name;
  throw new CertError("badName", `${JSON.stringify(name)} cannot be the name of ${holder}`, {
    value: name,
    remedy: "use 1 to 64 letters, digits, dots, dashes or underscores",
  });
}

interface Leaf {
  readonly role: CertificateClass;
  readonly name: string;
  readonly commonName: string;
  readonly hosts: readonly HostName[];
}

async function issueLeaf(
  ca: Authority,
  { role, name, commonName, hosts }: Leaf,
  options: ValidityOptions & Pick<NodeOptions, "keyType" | "clusterName">,
): Promise<Issued> {
  const span = validitySpan(options);
  const keyType = parseKeyType(options.keyType ?? nodeCertificateTable.defaults.keyType);
  const issuer: Issuer = openAuthority(ca, "keyCertSign");
  const end = wholeSeconds(Date.now() + (span ?? defaultLeafSpan).ms);
  const domain = options.clusterName === undefined
    ? trustDomainOfAuthority(await readCertificate(ca.cert))
    : trustDomainOf(options.clusterName);
  const key = await generateKey(keyType);
  const certificate = await buildCertificate({
    subject: commonNameSubject(commonName),
    notBefore: startOfValidity(issuer.certificate),
    notAfter: leafEnd(end, span, issuer.certificate),
    key,
    extensions: leafExtensions(role, hosts, `spiffe://${domain}/${role}/${name}`),
  }, issuer);
  checkIssued(certificate, issuer);
  return await issued(certificate, key);
}

/** A certificate and its key as texts. */
export async function issued(
  certificate: Certificate,
  key: KeyObject,
  passphrase?: string,
): Promise<Issued> {
  return {
    cert: encodePem("CERTIFICATE", certificate.toSchema(true).toBER()),
    key: await writePrivateKey(key, passphrase),
    notAfter: certificate.notAfter.value,
  };
}

function checkCommonName(name: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what is refused
  if (name.length >= 1 && name.length <= 64 && !/[\u0000-\u001f\u007f]/.test(name)) return name;
  throw new CertError("badName", `${JSON.stringify(name)} cannot be a common name`, {
    value: name,
    remedy: "use 1 to 64 characters; --cn sets another than the first host",
  });
}

function distinct(hosts: readonly HostName[]): HostName[] {
  return [...new Map(hosts.map((host) => [host.text, host])).values()];
}
