import { type PemBlock, pemBlocks as readBlocks } from "../../x509/pem.ts";
import { CertError, reading } from "../errors.ts";

/** Types of PEM blocks. */
export type PemLabel = "CERTIFICATE" | "PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" | "X509 CRL";

/**
 * All blocks with one of the labels, in their order.
 *
 * @throws {CertError} code `malformed`.
 */
export function pemBlocks(text: string, ...labels: readonly PemLabel[]): PemBlock[] {
  return reading(() => readBlocks(text, ...labels));
}

/**
 * The bytes of the first block with the label.
 *
 * @throws {CertError} code `malformed`.
 */
export function decodePem(label: PemLabel, text: string): Uint8Array<ArrayBuffer> {
  const [block] = pemBlocks(text, label);
  if (block !== undefined) return block.der;
  throw new CertError("malformed", `there is no readable PEM block "${label}"`, {
    remedy: "check that it is the right file",
  });
}
