/**
 * Why a node could not be dialled or has rejected this end, and whether that is definite. Pure.
 *
 * @module
 */
import { isCertificateFault } from "../../x509/certificate_fault.ts";
import type { RefusalCode } from "../connection/handshake.ts";
import type { TransportErrorCode } from "../base/errors.ts";
import { CastyError } from "../../runtime/casty_error.ts";
import { CertificateRefusedError } from "../tls/certificate_refused.ts";

/** A node could not be dialled, or has rejected this end. */
export interface DialFailure {
  /** The address that was dialled. */
  readonly address: string;
  /** A sentence, with a remedy where there is one. */
  readonly reason: string;
  /** Stable: a code of {@linkcode TransportError}, or of the refusal. */
  readonly code: string;
  /** Whether another attempt fails as well, unless one of the two ends is configured anew. */
  readonly isDefinite: boolean;
}

/** A code of another kind: the peer's first bytes are no frame of Casty. */
type OtherCode = "notCasty";

/**
 * Codes of definite failures, besides those of certificates. All others may be over a moment later: a
 * node that starts, a name that does not resolve yet, a limit that is reached.
 */
const definite: ReadonlySet<string> = new Set<TransportErrorCode | RefusalCode | OtherCode>([
  "permissionDenied",
  "peerNotTrusted",
  "wrongServerName",
  "badTlsMaterial",
  "notTls",
  "notCasty",
  "malformed",
  "protocol",
  "systemName",
  "role",
  "address",
  "self",
]);

/** Whether a failure with this code is definite. A code of a later version is not. */
export function isDefinite(code: string): boolean {
  // An outdated list of revoked certificates is renewed by a machine.
  return definite.has(code) || (isCertificateFault(code) && code !== "noRevocationList");
}

/** The code of a dial that has thrown. */
export function codeOf(error: unknown): string {
  if (error instanceof CertificateRefusedError) return error.fault;
  return error instanceof CastyError ? error.code : "networkFailure";
}
