/**
 * The closed set of things that can be wrong with a certificate. `TlsConfig`, the transport,
 * `cert.ts verify` and `cert.ts doctor` all use these codes; a peer is also sent the code:
 *
 * - `unreadable`: it cannot be parsed, or too many certificates were sent.
 * - `expired`, `notYetValid`: it has expired, or is not yet valid.
 * - `weakKey`, `weakSignature`: its key, its signature, or one in its chain can be broken.
 * - `unsupportedAlgorithm`: a key or signature, of it or in its chain, that cannot be checked here.
 * - `noIdentity`: it has no node or client name, or more than one; see the option `identity`.
 * - `wrongRole`: it is that of a client where a node is needed, or the other way round.
 * - `trustDomain`: it is of another trust domain than this end.
 * - `noHost`: it is that of a node and covers no host.
 * - `wrongUse`: it is that of an authority, or key usage or extended key usage do not fit its role.
 * - `unknownCriticalExtension`: it, or an issuer in its chain, has a critical extension that is not
 *   known.
 * - `untrusted`: it does not chain to the authorities.
 * - `issuerNotAuthority`: an issuer in its chain may not sign certificates.
 * - `issuerWrongUse`: an issuer in its chain is restricted to other extended key usages.
 * - `issuerExpired`: an issuer in its chain has expired, or is not yet valid.
 * - `pathLength`: an issuer in its chain does not allow so many authorities below it.
 * - `nameConstraint`: an issuer in its chain does not allow a name below it.
 * - `tlsUnsupported`: it is good by RFC 5280, and the TLS library of Deno refuses it.
 * - `revoked`: its authority has revoked it, or one in its chain.
 * - `noRevocationList`: lists are required and there is none in force of an authority in its chain.
 * - `badRevocationList`: of the lists that are there, none is signed by one of the authorities.
 * - `denied`: it is on the deny list, or one in its chain.
 * - `unauthorized`: `authorize` has declined.
 * - `wrongHost`: it does not cover the requested host.
 */
export type CertificateFault =
  | "weakKey"
  | "weakSignature"
  | "unsupportedAlgorithm"
  | "unreadable"
  | "expired"
  | "notYetValid"
  | "noIdentity"
  | "wrongRole"
  | "trustDomain"
  | "noHost"
  | "wrongUse"
  | "unknownCriticalExtension"
  | "untrusted"
  | "issuerNotAuthority"
  | "issuerWrongUse"
  | "issuerExpired"
  | "pathLength"
  | "nameConstraint"
  | "tlsUnsupported"
  | "revoked"
  | "noRevocationList"
  | "badRevocationList"
  | "denied"
  | "unauthorized"
  | "wrongHost";

const faults: Readonly<Record<CertificateFault, true>> = {
  weakKey: true,
  weakSignature: true,
  unsupportedAlgorithm: true,
  unreadable: true,
  expired: true,
  notYetValid: true,
  noIdentity: true,
  wrongRole: true,
  trustDomain: true,
  noHost: true,
  wrongUse: true,
  unknownCriticalExtension: true,
  untrusted: true,
  issuerNotAuthority: true,
  issuerWrongUse: true,
  issuerExpired: true,
  pathLength: true,
  nameConstraint: true,
  tlsUnsupported: true,
  revoked: true,
  noRevocationList: true,
  badRevocationList: true,
  denied: true,
  unauthorized: true,
  wrongHost: true,
};

/** Whether a code is one of these. */
export function isCertificateFault(code: string): code is CertificateFault {
  return Object.hasOwn(faults, code);
}

/** Faults of a key or a signature. `problem` completes "the certificate of X ...". */
export interface AlgorithmFault {
  readonly code: "weakKey" | "weakSignature" | "unsupportedAlgorithm";
  readonly problem: string;
}

/** Faults of a certificate and its chain, without host and role. */
export type ChainFault = Exclude<
  CertificateFault,
  | "unreadable"
  | "trustDomain"
  | "revoked"
  | "noRevocationList"
  | "badRevocationList"
  | "denied"
  | "unauthorized"
  | "wrongHost"
>;
