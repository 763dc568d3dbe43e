import { CastyError, type CastyErrorOptions } from "../runtime/casty_error.ts";
import { X509Error } from "../x509/errors.ts";

/**
 * Why a certificate cannot be made, read, written or used:
 *
 * - `badName`: a host, common name, client name or number of nodes that is not possible.
 * - `badValidity`: a validity, or another span of time, that is not possible.
 * - `badKeyType`: a type of key that is not known, or does not go with the rest.
 * - `badPassphrase`: an empty or over-long passphrase.
 * - `badReason`: a reason for a revocation that RFC 5280 does not know.
 * - `badSerial`: a serial number that cannot be one.
 * - `beyondAuthority`: the certificate would outlive its authority, or is one that it may not issue.
 * - `authorityExpired`, `authorityNotYetValid`: the authority has expired, or is not yet valid.
 * - `notAnAuthority`: the certificate is not that of an authority that may do this.
 * - `isAuthority`: it is that of an authority, where one of a node or client is required.
 * - `keyMismatch`: the key does not belong to the certificate.
 * - `encryptedKey`: the key has a passphrase, and none was given.
 * - `wrongPassphrase`: the passphrase does not open the key.
 * - `unsupportedKey`: the key is of a type that this tool does not use.
 * - `unknownCertificate`: another authority has issued it.
 * - `revoked`: it is revoked.
 * - `malformed`: a text cannot be parsed.
 * - `notFound`: a file is missing, or may not be read.
 * - `exists`: a file is there already.
 * - `notWritable`: a file cannot be written.
 * - `outOfOrder`: a phase of a rotation whose turn it is not.
 * - `cancelled`: the passphrase prompt was cancelled.
 */
export type CertErrorCode =
  | "badName"
  | "badValidity"
  | "badKeyType"
  | "badPassphrase"
  | "badReason"
  | "badSerial"
  | "beyondAuthority"
  | "authorityExpired"
  | "authorityNotYetValid"
  | "notAnAuthority"
  | "isAuthority"
  | "keyMismatch"
  | "encryptedKey"
  | "wrongPassphrase"
  | "unsupportedKey"
  | "unknownCertificate"
  | "revoked"
  | "malformed"
  | "notFound"
  | "exists"
  | "notWritable"
  | "outOfOrder"
  | "cancelled";

/** A certificate cannot be made, read, written or used. */
export class CertError extends CastyError {
  /** Name of the class. */
  override name = "CertError";
  /** Stable; safe to branch on. */
  declare readonly code: CertErrorCode;

  /** Appends the remedy to the message. */
  constructor(code: CertErrorCode, message: string, options: CastyErrorOptions = {}) {
    super(code, message, options);
  }
}

/** The result of `read`; its errors become a {@linkcode CertError}, code `malformed`. */
export function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof X509Error)) throw cause;
    const { problem, remedy, value } = cause;
    throw new CertError("malformed", problem, { value, cause, ...(remedy && { remedy }) });
  }
}
