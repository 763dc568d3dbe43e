import type { CertificateFault } from "../../x509/certificate_fault.ts";

/**
 * What the doctor can find: what every judge of certificates says, and what only files and a
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
  /** What is the case, one sentence without a full stop. */
  readonly what: string;
  /** Why it matters. */
  readonly why: string;
  /** What to do: a command where there is one. */
  readonly cure: string;
  /** What else may be the cure, where that depends on what was meant. */
  readonly otherCure?: string;
  /** Where the reason cannot be known: what it may be, the likeliest first. */
  readonly reasons?: readonly string[];
}
