/**
 * Makes an authority and certificates for nodes and clients.
 *
 * @module
 */
import { Certificate } from "pkijs";
import { buildCertificate, type CertificatePlan, expiry } from "./certificate_builder.ts";
import { CertError } from "./errors.ts";
import { type HostName, parseHostName } from "./host_name.ts";
import { decodePem, encodePem } from "./pem.ts";

/** A certificate and its private key. */
export interface Issued {
  /** The certificate, PEM. */
  readonly cert: string;
  /** The private key, PKCS#8 PEM, not encrypted. */
  readonly key: string;
  /** End of validity. */
  readonly notAfter: Date;
}

/** What `createCa` can be told. */
export interface CaOptions {
  /** 1 to 64 characters. Default `"casty-ca"`. */
  readonly commonName?: string;
  /** Days, 1 to 36 500. Default 365. */
  readonly validityDays?: number;
}

/** What `issueNode` must be told. */
export interface NodeOptions {
  /** Names and IP addresses under which the node is reached, at least one. */
  readonly hosts: readonly string[];
  /** 1 to 64 characters. Default: the first host. */
  readonly commonName?: string;
  /** Days, 1 to 36 500, not beyond the authority's. Default 90, or up to the authority's end. */
  readonly validityDays?: number;
}

/** What `issueClient` must be told. */
export interface ClientOptions {
  /** 1 to 64 letters, digits, dots, dashes or underscores. */
  readonly name: string;
  /** Days, 1 to 36 500, not beyond the authority's. Default 90, or up to the authority's end. */
  readonly validityDays?: number;
}

const defaultLeafDays = 90;
const curve = { name: "ECDSA", namedCurve: "P-256" } as const;

/**
 * Makes a certificate authority: ECDSA P-256, self-signed, for leaf certificates only.
 *
 * @throws {CertError} codes `badName`, `badValidity`.
 *
 * @example
 * ```ts
 * import { createCa, issueNode } from "@casty/casty/cert";
 *
 * const ca = await createCa({ commonName: "shop-ca" });
 * const node = await issueNode(ca, { hosts: ["node-1", "10.0.1.10"] });
 * console.assert(node.cert.startsWith("-----BEGIN CERTIFICATE-----"));
 * ```
 */
export async function createCa(options: CaOptions = {}): Promise<Issued> {
  const commonName = checkCommonName(options.commonName ?? "casty-ca");
  const validityDays = checkValidity(options.validityDays ?? 365);
  const keys = await crypto.subtle.generateKey(curve, true, ["sign", "verify"]);
  return await issued(keys, {
    role: "authority",
    commonName,
    hosts: [],
    uri: undefined,
    notAfter: expiry(validityDays),
    publicKey: keys.publicKey,
    issuer: keys.privateKey,
  });
}

/**
 * Issues a certificate with which its holder can be a member, for servers and clients. It carries
 * the hosts and the name `spiffe://<authority>/node/<first host>`.
 *
 * @throws {CertError} codes `badName`, `badValidity`, `beyondAuthority`, `authorityExpired`,
 * `notAnAuthority`, `keyMismatch`, `malformed`.
 */
export async function issueNode(
  ca: Pick<Issued, "cert" | "key">,
  options: NodeOptions,
): Promise<Issued> {
  const [first] = options.hosts;
  if (first === undefined) {
    throw new CertError("badName", "a node certificate needs at least one host", {
      remedy: "name the hosts and addresses under which the node is reached",
    });
  }
  const hosts = distinct(options.hosts.map(parseHostName));
  return await issueLeaf(ca, "node", {
    name: uriPart(first),
    commonName: checkCommonName(options.commonName ?? first),
    hosts,
    validityDays: optionalValidity(options.validityDays),
  });
}

/**
 * Issues a certificate for a client of the cluster. It carries the name
 * `spiffe://<authority>/client/<name>`; its holder never becomes a member.
 *
 * @throws {CertError} as {@linkcode issueNode}.
 */
export async function issueClient(
  ca: Pick<Issued, "cert" | "key">,
  options: ClientOptions,
): Promise<Issued> {
  const { name } = options;
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(name)) {
    throw new CertError("badName", `${JSON.stringify(name)} cannot be the name of a client`, {
      value: name,
      remedy: "use 1 to 64 letters, digits, dots, dashes or underscores",
    });
  }
  const validityDays = optionalValidity(options.validityDays);
  return await issueLeaf(ca, "client", { name, commonName: name, hosts: [], validityDays });
}

async function issueLeaf(
  ca: Pick<Issued, "cert" | "key">,
  role: "node" | "client",
  leaf: {
    name: string;
    commonName: string;
    hosts: readonly HostName[];
    validityDays: number | undefined;
  },
): Promise<Issued> {
  const issuer = await openAuthority(ca);
  const { name, validityDays, ...rest } = leaf;
  const notAfter = leafEnd(validityDays, issuer.certificate.notAfter.value);
  const keys = await crypto.subtle.generateKey(curve, true, ["sign", "verify"]);
  const domain = uriPart(commonNameOf(issuer.certificate)).toLowerCase();
  return await issued(keys, {
    role,
    ...rest,
    notAfter,
    uri: `spiffe://${domain}/${role}/${name}`,
    publicKey: keys.publicKey,
    issuer,
  });
}

/**
 * When a leaf ends. Nobody asked for the default, and days are the unit of asking: an authority that
 * ends sooner than the default, or less than a day sooner than asked, ends the leaf as well.
 */
function leafEnd(days: number | undefined, caEnd: Date): Date {
  const end = expiry(days ?? defaultLeafDays);
  const excess = end.getTime() - caEnd.getTime();
  if (excess <= 0) return end;
  if (days === undefined || excess < 86_400_000) return caEnd;
  throw new CertError(
    "beyondAuthority",
    `a certificate until ${date(end)} would outlive its authority, which ends on ${date(caEnd)}`,
    { value: days, remedy: "ask for fewer days, or make a new authority" },
  );
}

async function issued(keys: CryptoKeyPair, plan: CertificatePlan): Promise<Issued> {
  const certificate = await buildCertificate(plan);
  return {
    cert: encodePem("CERTIFICATE", certificate.toSchema(true).toBER()),
    key: encodePem("PRIVATE KEY", await crypto.subtle.exportKey("pkcs8", keys.privateKey)),
    notAfter: certificate.notAfter.value,
  };
}

/** Reads an authority and makes sure that it can issue. */
async function openAuthority(
  ca: Pick<Issued, "cert" | "key">,
): Promise<{ certificate: Certificate; key: CryptoKey }> {
  const certificate = parseCertificate(ca.cert);
  const key = await importKey(ca.key);
  const constraints = certificate.extensions?.find(({ extnID }) => extnID === "2.5.29.19");
  if ((constraints?.parsedValue as { cA?: boolean } | undefined)?.cA !== true) {
    throw new CertError("notAnAuthority", "the certificate is not that of an authority", {
      remedy: "use the files that create-ca has written",
    });
  }
  if (certificate.notAfter.value.getTime() < Date.now()) {
    throw new CertError(
      "authorityExpired",
      `the authority has expired on ${date(certificate.notAfter.value)}`,
      { remedy: "make a new one with create-ca" },
    );
  }
  await checkPair(certificate, key);
  return { certificate, key };
}

async function checkPair(certificate: Certificate, key: CryptoKey): Promise<void> {
  try {
    const publicKey = await certificate.getPublicKey();
    const probe = new TextEncoder().encode("casty");
    const algorithm = { name: "ECDSA", hash: "SHA-256" };
    const signature = await crypto.subtle.sign(algorithm, key, probe);
    if (await crypto.subtle.verify(algorithm, publicKey, signature, probe)) return;
  } catch {
    // Another kind of key: it does not fit either.
  }
  throw new CertError("keyMismatch", "the authority's key does not belong to its certificate", {
    remedy: "use the two files that one run of create-ca has written",
  });
}

function parseCertificate(pem: string): Certificate {
  const der = decodePem("CERTIFICATE", pem);
  try {
    return Certificate.fromBER(der);
  } catch (cause) {
    throw new CertError("malformed", "the authority's certificate cannot be read", { cause });
  }
}

async function importKey(pem: string): Promise<CryptoKey> {
  const der = decodePem("PRIVATE KEY", pem);
  try {
    return await crypto.subtle.importKey("pkcs8", der, curve, false, ["sign"]);
  } catch (cause) {
    throw new CertError("malformed", "the authority's key is not an ECDSA P-256 key", { cause });
  }
}

function checkCommonName(name: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what is refused
  if (name.length >= 1 && name.length <= 64 && !/[\u0000-\u001f\u007f]/.test(name)) return name;
  throw new CertError("badName", `${JSON.stringify(name)} cannot be a common name`, {
    value: name,
    remedy: "use 1 to 64 characters; --cn sets another than the first host",
  });
}

function checkValidity(days: number): number {
  if (Number.isInteger(days) && days >= 1 && days <= 36_500) return days;
  throw new CertError("badValidity", `a validity of ${days} days is not possible`, {
    value: days,
    remedy: "use a whole number from 1 to 36500",
  });
}

function optionalValidity(days: number | undefined): number | undefined {
  return days === undefined ? undefined : checkValidity(days);
}

function distinct(hosts: readonly HostName[]): HostName[] {
  return [...new Map(hosts.map((host) => [host.text, host])).values()];
}

function commonNameOf(certificate: Certificate): string {
  const attribute = certificate.subject.typesAndValues.find(({ type }) => type === "2.5.4.3");
  return String(attribute?.value.valueBlock.value || "casty");
}

/** What may stand in a SPIFFE name: everything else becomes a dash. */
function uriPart(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]/g, "-");
}

function date(time: Date): string {
  return time.toISOString().slice(0, 10);
}
