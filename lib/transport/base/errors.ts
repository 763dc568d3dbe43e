import { CastyError, type CastyErrorOptions } from "../../runtime/casty_error.ts";
import type { CertificateFault } from "../../x509/certificate_fault.ts";

/**
 * Why a connection or a listener failed:
 *
 * - `connectionRefused`: no process listens on the dialled address.
 * - `hostUnreachable`: no route to the host, or the network is down.
 * - `nameNotFound`: the host name does not resolve.
 * - `connectTimeout`: connection and TLS handshake took longer than the timeout allows.
 * - `addressInUse`: another socket is bound to the port.
 * - `addressNotAvailable`: the host to bind is not an address of this machine.
 * - `permissionDenied`: the system, or Deno's `--allow-net`, forbids it.
 * - `notTls`: what listens on the dialled address does not speak TLS 1.3.
 * - `tlsHandshakeFailed`: the TLS handshake did not succeed.
 * - `peerNotTrusted`: the peer's certificate is not acceptable.
 * - `wrongServerName`: the peer's certificate does not cover the host that was dialled.
 * - `badTlsMaterial`: this end's own certificate, key or authorities cannot be used.
 * - `notNodeCertificate`: a node was started with a certificate that is not one of a node.
 * - `ownHostNotCovered`: a node was started under a host that its own certificate does not cover.
 * - `clientsNotVerified`: a listener accepts peers without a certificate.
 * - `connectionLost`: an established connection broke.
 * - `networkFailure`: anything else that the system reports.
 */
export type TransportErrorCode =
  | "connectionRefused"
  | "hostUnreachable"
  | "nameNotFound"
  | "connectTimeout"
  | "addressInUse"
  | "addressNotAvailable"
  | "permissionDenied"
  | "notTls"
  | "tlsHandshakeFailed"
  | "peerNotTrusted"
  | "wrongServerName"
  | "badTlsMaterial"
  | "notNodeCertificate"
  | "ownHostNotCovered"
  | "clientsNotVerified"
  | "connectionLost"
  | "networkFailure";

/** A connection or a listener that failed. */
export class TransportError extends CastyError {
  /** Name of the class. */
  override name = "TransportError";
  /** Stable; safe to branch on. */
  declare readonly code: TransportErrorCode;

  /** Appends the remedy to the message. */
  constructor(code: TransportErrorCode, message: string, options: CastyErrorOptions = {}) {
    super(code, message, options);
  }
}

/**
 * Why TLS material was refused when it was loaded:
 *
 * - `unreadable`: a file is missing or may not be read.
 * - `malformed`: a text holds no certificate or key that can be parsed.
 * - `encryptedKey`: the private key needs a passphrase.
 * - `openKeyFile`: others than the owner may read the private key.
 * - `keyMismatch`: the key does not belong to the certificate.
 * - `badRevocationList`: `crlFile` holds no list that is signed by one of the authorities.
 * - `badDenyList`: a deny list holds something else than fingerprints.
 * - all others: the certificate is one that every peer refuses, or that the lists which are loaded
 *   with it refuse; see {@linkcode CertificateFault}.
 */
export type TlsConfigErrorCode =
  | "unreadable"
  | "malformed"
  | "encryptedKey"
  | "openKeyFile"
  | "keyMismatch"
  | "badDenyList"
  | CertificateFault;

/** TLS material that cannot be used. */
export class TlsConfigError extends CastyError {
  /** Name of the class. */
  override name = "TlsConfigError";
  /** Stable; safe to branch on. */
  declare readonly code: TlsConfigErrorCode;
  /** The offending file, or the option that held the text. */
  readonly file: string;

  /** Adds file and remedy to the message. */
  constructor(
    code: TlsConfigErrorCode,
    file: string,
    problem: string,
    options: CastyErrorOptions = {},
  ) {
    super(code, `${file}: ${problem}`, { value: file, ...options });
    this.file = file;
  }
}
