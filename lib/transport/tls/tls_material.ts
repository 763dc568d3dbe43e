import { createHash, createPrivateKey } from "node:crypto";
import { createSecureContext, type SecureContext, type TLSSocket } from "node:tls";
import type { CertifiedIdentity, TlsMaterial } from "../../runtime/network.ts";
import { platform } from "../../runtime/platform.ts";
import { type CertificateReading, readCertificate } from "../../x509/certificate.ts";
import { TransportError } from "../base/errors.ts";
import { followChain, maxChainLength } from "../../x509/chain.ts";
import {
  type CertificateIdentity,
  domainProblem,
  type IdentityMapper,
  isMissing,
  issuerOf,
  type MissingIdentity,
} from "../../x509/identity.ts";
import { identityMapper } from "../../x509/identity_mapping.ts";
import { CertificateRefusedError } from "./certificate_refused.ts";
import { identifyPeer } from "./peer_identity.ts";
import { judgeIdentity } from "./peer_policy.ts";
import { type CertificateChain, chainText, orderChain } from "../../x509/key_pair.ts";
import { pemCertificates } from "../../x509/pem.ts";
import { certTool } from "../../runtime/cert_tool.ts";

/** Material that was checked, in the form that both ends of `node:tls` take. */
export interface PreparedMaterial {
  /** The texts that were prepared. */
  readonly source: Pick<TlsMaterial, "cert" | "key" | "ca">;
  readonly secure: {
    readonly cert: string;
    readonly key: string;
    readonly ca: string;
    readonly minVersion: "TLSv1.3";
    readonly rejectUnauthorized: true;
  };
  /** The same for the dialling end: to make one parses the key. */
  readonly context: SecureContext;
  /** The own certificate, parsed. */
  readonly own: CertificateReading;
  /** The certificates that are sent with it. */
  readonly intermediates: readonly CertificateReading[];
  /** What it makes of this end. */
  readonly identity: CertificateIdentity | MissingIdentity;
  /** Checks the same for peers. */
  readonly mapper: IdentityMapper;
  /** The authorities of `ca`, parsed. */
  readonly authorities: readonly CertificateReading[];
}

const prepared = new WeakMap<TlsMaterial, PreparedMaterial>();

/**
 * Checks material once and remembers the outcome. `node:tls` on Deno takes garbage and mismatched
 * keys without a word and then fails every handshake.
 *
 * @throws {TransportError} code `badTlsMaterial`.
 */
export function prepareMaterial(tls: TlsMaterial): PreparedMaterial {
  const known = prepared.get(tls);
  const { cert, key, ca } = tls;
  const mapper = identityMapper(tls.identity);
  // The owner of the object may renew its contents.
  if (
    known?.source.cert === cert && known.source.key === key && known.source.ca === ca &&
    known.mapper === mapper
  ) return known;
  const authorities = readAuthorities(ca);
  const chain = readChain(cert, key);
  const { leaf: own, intermediates } = chain;
  const secure = {
    cert: chainText(chain, maxChainLength),
    key,
    ca,
    minVersion: "TLSv1.3",
    rejectUnauthorized: true,
  } as const;
  const result: PreparedMaterial = {
    source: { cert, key, ca },
    secure,
    context: createSecureContext(secure),
    own,
    intermediates,
    identity: mapper.identify(own.names),
    mapper,
    authorities,
  };
  prepared.set(tls, result);
  return result;
}

/**
 * The identity of the other end of a finished TLS handshake by our own rules; `chain` is what it has
 * sent.
 *
 * @throws {TransportError} code `peerNotTrusted`.
 */
export function verifyPeer(
  tls: TlsMaterial,
  chain: readonly Uint8Array[],
  wallTime: number,
): CertifiedIdentity {
  const { authorities, mapper, identity: own } = prepareMaterial(tls);
  const identity = identifyPeer(chain, authorities, wallTime, mapper);
  // Every peer refuses an end without an identity.
  const foreign = isMissing(own) ? undefined : domainProblem(own, identity, mapper);
  if (foreign !== undefined) {
    throw new CertificateRefusedError(
      "trustDomain",
      `${identity.kind} ${identity.name}`,
      `${foreign}, that of our own certificate`,
      `use certificates of one trust domain in a cluster (${certTool} create-ca --cluster), or name ` +
        "each domain in patterns of the option identity of TlsConfig",
      foreign,
    );
  }
  const refusal = judgeIdentity(tls, identity);
  if (refusal === undefined) return identity;
  throw new CertificateRefusedError(
    refusal.fault,
    `${identity.kind} ${identity.name}`,
    refusal.problem,
    "see the options authorize, crlFile and denyList of the end that rejects it",
  );
}

/**
 * When a connection with a peer ends at the latest: when the first certificate of this end, of the
 * peer, or of an issuer of the peer's expires.
 */
export function validUntilOf(
  tls: TlsMaterial,
  { notAfter, chain = [] }: CertifiedIdentity,
): number {
  const issuers = chain.map((link) => issuerOf(link)?.notAfter ?? Infinity);
  return Math.min(prepareMaterial(tls).own.notAfter, notAfter, ...issuers);
}

/**
 * The certificates that a peer sent, leaf first, without our own authorities: at the end that dials,
 * `node:tls` on Deno appends all of `ca` to them, whatever was sent.
 */
export function peerChain(tls: TlsMaterial, socket: TLSSocket, wallTime: number): Uint8Array[] {
  const { authorities } = prepareMaterial(tls);
  const own = new Set(authorities.map(({ fingerprint }) => fingerprint));
  const sent = platform.tls.peerChain(
    socket,
    maxChainLength + own.size,
    (leaf) => isIssuedBy(leaf, authorities, wallTime),
  );
  return sent.filter((der, index) =>
    index === 0 || !own.has(createHash("sha256").update(der).digest("hex"))
  ).slice(0, maxChainLength + 1);
}

/** The certificates that a peer sent whose leaf is not judged; a few at most. */
export function shownChain(socket: TLSSocket): Uint8Array[] {
  return platform.tls.peerChain(socket, maxChainLength, () => false);
}

function isIssuedBy(
  der: Uint8Array,
  authorities: readonly CertificateReading[],
  wallTime: number,
): boolean {
  try {
    return "path" in followChain(readCertificate(der), [], authorities, wallTime);
  } catch {
    // What cannot be read is reported where the chain is judged.
    return false;
  }
}

function readAuthorities(ca: string): CertificateReading[] {
  let authorities: CertificateReading[] = [];
  let cause: unknown;
  try {
    authorities = pemCertificates(ca).map(readCertificate);
  } catch (error) {
    cause = error;
  }
  // Without one, node:tls would fall back to the public root store.
  if (authorities.length === 0) throw badMaterial("`ca` holds no readable certificate", cause);
  return authorities;
}

function readChain(cert: string, key: string): CertificateChain {
  let chain: CertificateChain | undefined;
  try {
    const certificates = pemCertificates(cert).map(readCertificate);
    if (certificates.length > 0) chain = orderChain(certificates, createPrivateKey(key));
  } catch (cause) {
    throw badMaterial("`cert` or `key` cannot be read", cause);
  }
  if (chain !== undefined) return chain;
  const remedy = "use the key that was made together with the certificate";
  throw badMaterial("`key` is not the private key of `cert`", undefined, remedy);
}

function badMaterial(
  what: string,
  cause?: unknown,
  remedy = "pass texts of PEM blocks, or load files with TlsConfig.fromPaths, which says more",
): TransportError {
  const message = `the TLS material cannot be used: ${what}`;
  return new TransportError("badTlsMaterial", message, { remedy, cause });
}
