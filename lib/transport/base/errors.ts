import { CastyError, type CastyErrorOptions } from "../../runtime/casty_error.ts";

/**
 * Why a connection or a listener could not be had, or ended:
 *
 * - `connectionRefused`: nobody listens on the address that was dialled.
 * - `hostUnreachable`: no route to the host, or the network is down.
 * - `nameNotFound`: the host name does not resolve.
 * - `connectTimeout`: connection and TLS handshake took longer than the timeout allows.
 * - `addressInUse`: another socket is bound to the port.
 * - `addressNotAvailable`: the host to bind is not an address of this machine.
 * - `permissionDenied`: the system, or Deno's `--allow-net`, forbids it.
 * - `tlsHandshakeFailed`: the TLS handshake did not succeed.
 * - `peerNotTrusted`: the peer's certificate is not acceptable.
 * - `wrongServerName`: the peer's certificate does not cover the host that was dialled.
 * - `badTlsMaterial`: this end's own certificate, key or authorities cannot be used.
 * - `notNodeCertificate`: a node was started with a certificate that is not one of a node.
 * - `ownHostNotCovered`: a node was started under a host that its own certificate does not cover.
 * - `clientsNotVerified`: a listener lets peers in that show no certificate.
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
  | "tlsHandshakeFailed"
  | "peerNotTrusted"
  | "wrongServerName"
  | "badTlsMaterial"
  | "notNodeCertificate"
  | "ownHostNotCovered"
  | "clientsNotVerified"
  | "connectionLost"
  | "networkFailure";

/** A connection or a listener that could not be had, or that broke. */
export class TransportError extends CastyError {
  /** Name of the class. */
  override name = "TransportError";
  /** Stable; safe to branch on. */
  declare readonly code: TransportErrorCode;

  /** Makes an error; the remedy becomes part of the message. */
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
 * - `expired`, `notYetValid`: the certificate's time is over, or has not come.
 * - `noIdentity`: the certificate has no node or client name, or more than one.
 * - `wrongUse`: the certificate is not made for this use.
 * - `noHost`: the certificate is that of a node and covers no host.
 * - `unknownCriticalExtension`: it, or an issuer, has a critical extension that is not known.
 * - `untrusted`: the certificate does not chain to the authorities.
 * - `issuerNotAuthority`, `issuerExpired`, `pathLength`: an issuer of it is not in order.
 * - `revoked`, `denied`, `noRevocationList`: what is loaded with it refuses the certificate itself.
 * - `badRevocationList`: `crlFile` holds no list that is signed by one of the authorities.
 * - `badDenyList`: a deny list holds something else than fingerprints.
 */
export type TlsConfigErrorCode =
  | "unreadable"
  | "malformed"
  | "encryptedKey"
  | "openKeyFile"
  | "keyMismatch"
  | "expired"
  | "notYetValid"
  | "noIdentity"
  | "wrongUse"
  | "noHost"
  | "unknownCriticalExtension"
  | "untrusted"
  | "issuerNotAuthority"
  | "issuerExpired"
  | "pathLength"
  | "revoked"
  | "denied"
  | "noRevocationList"
  | "badRevocationList"
  | "badDenyList";

/** TLS material that cannot be used. */
export class TlsConfigError extends CastyError {
  /** Name of the class. */
  override name = "TlsConfigError";
  /** Stable; safe to branch on. */
  declare readonly code: TlsConfigErrorCode;
  /** The offending file, or the option that held the text. */
  readonly file: string;

  /** Makes an error; file and remedy become part of the message. */
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
