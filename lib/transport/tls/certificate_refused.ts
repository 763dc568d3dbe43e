import { TransportError } from "../base/errors.ts";
import type { CertificateFault } from "../../x509/certificate_fault.ts";

/** A peer whose certificate is not acceptable, although the TLS layer had no objection. */
export class CertificateRefusedError extends TransportError {
  /** Why it is refused. */
  readonly fault: CertificateFault;

  /** `subject` says whose certificate it is, `problem` completes the sentence. */
  constructor(fault: CertificateFault, subject: string, problem: string, remedy: string) {
    super("peerNotTrusted", `the certificate of ${subject} ${problem}`, { value: subject, remedy });
    this.fault = fault;
  }
}
