import { CastyError, type CastyErrorOptions } from "../runtime/casty_error.ts";

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
  | "clientsNotVerified"
  | "connectionLost"
  | "networkFailure";

/** A connection or a listener that could not be had, or that broke. */
export class TransportError extends CastyError {
  override name = "TransportError";
  declare readonly code: TransportErrorCode;

  /** Makes an error; the remedy becomes part of the message. */
  constructor(code: TransportErrorCode, message: string, options: CastyErrorOptions = {}) {
    super(code, message, options);
  }
}
