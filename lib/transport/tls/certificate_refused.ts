import { TransportError } from "../base/errors.ts";
import type { CertificateFault } from "../../x509/certificate_fault.ts";

/** A peer whose certificate is not acceptable, although the TLS layer had no objection. */
export class CertificateRefusedError extends TransportError {
  /** Why it is refused. */
  readonly fault: CertificateFault;

  /** The same for the peer, to which the message would say it the wrong way round. */
  readonly told: string;

  /**
   * `subject` says whose certificate it is, `problem` completes the sentence, `told` does so for the
   * peer. Default: both are told the same.
   */
  constructor(
    fault: CertificateFault,
    subject: string,
    problem: string,
    remedy: string,
    told = problem,
  ) {
    super("peerNotTrusted", `the certificate of ${subject} ${problem}`, { value: subject, remedy });
    this.fault = fault;
    this.told = `the certificate of ${subject} ${told}; ${remedy}`;
  }
}
