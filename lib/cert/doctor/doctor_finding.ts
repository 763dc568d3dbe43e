import type { CertificateFault } from "../../x509/certificate_fault.ts";

/**
 * Codes of findings: the faults of the certificate judge, and those that only files and a
 * connection show. Stable; safe to branch on.
 */
export type FindingCode =
  | CertificateFault
  | "keyMissing"
  | "keyEncrypted"
  | "keyMismatch"
  | "openKeyFile"
  | "authorityKeyHere"
  | "expiresSoon"
  | "crlExpired"
  | "twoClients"
  | "sameCertificate"
  | "unreachable"
  | "notTls"
  | "refusedByPeer"
  | "clientsNotVerified"
  | "handshakeFailed";

/**
 * `error`: a connection is refused, or a node does not start. `warning`: it works now, and is not
 * safe or will not work for long.
 */
export type Severity = "error" | "warning";

/** One thing that the doctor has found. */
export interface Finding {
  /** How bad it is. */
  readonly severity: Severity;
  /** Which of the things that can be found. */
  readonly code: FindingCode;
  /** Which peer it is about: `A`, `B`, or `A and B`. */
  readonly about: string;
  /** The finding, one sentence without a full stop. */
  readonly what: string;
  /** Why it matters. */
  readonly why: string;
  /** The remedy: a command where there is one. */
  readonly remedy: string;
  /** An alternative remedy, where that depends on the intention. */
  readonly otherRemedy?: string;
  /** Possible reasons where the reason is unknown, the likeliest first. */
  readonly reasons?: readonly string[];
}
