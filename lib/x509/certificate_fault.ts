/**
 * The closed set of things that can be wrong with a peer's certificate; also the code under which
 * a peer is told:
 *
 * - `unreadable`: it cannot be parsed, or too many certificates were sent.
 * - `expired`, `notYetValid`: its time is over, or has not come.
 * - `noIdentity`: it has no node or client name, or more than one; see the option `identity`.
 * - `trustDomain`: it is of another trust domain than this end.
 * - `noHost`: it is that of a node and covers no host.
 * - `wrongUse`: it is that of an authority, or key usage or extended key usage do not fit its class.
 * - `unknownCriticalExtension`: it has a critical extension that nobody here knows.
 * - `untrusted`: it does not chain to our authorities.
 * - `issuerNotAuthority`: an issuer in its chain may not sign certificates.
 * - `issuerExpired`: the time of an issuer in its chain is over, or has not come.
 * - `pathLength`: an issuer in its chain does not allow so many authorities below it.
 * - `revoked`: its authority has revoked it, or one in its chain.
 * - `noRevocationList`: `crlRequired` is set and there is no list in force of its authority.
 * - `denied`: it is on the deny list, or one in its chain.
 * - `unauthorized`: `authorize` has declined.
 */
export type CertificateFault =
  | "unreadable"
  | "expired"
  | "notYetValid"
  | "noIdentity"
  | "trustDomain"
  | "noHost"
  | "wrongUse"
  | "unknownCriticalExtension"
  | "untrusted"
  | "issuerNotAuthority"
  | "issuerExpired"
  | "pathLength"
  | "revoked"
  | "noRevocationList"
  | "denied"
  | "unauthorized";

/** What can be wrong with a certificate and its chain by themselves. */
export type ChainFault = Exclude<
  CertificateFault,
  "unreadable" | "trustDomain" | "revoked" | "noRevocationList" | "denied" | "unauthorized"
>;
