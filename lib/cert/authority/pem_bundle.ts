import { pemBlocks } from "./pem.ts";

/** One certificate of a PEM text. */
export interface BundleEntry {
  readonly der: Uint8Array<ArrayBuffer>;
  /** The PEM block, with a line feed at its end. */
  readonly pem: string;
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly fingerprint: string;
}

/**
 * The certificates of a PEM text, in their order; text between them does not matter.
 *
 * @throws {CertError} code `malformed`.
 */
export async function readBundle(text: string): Promise<BundleEntry[]> {
  const blocks = pemBlocks(text, "CERTIFICATE");
  return await Promise.all(blocks.map(async ({ der, pem }) => {
    return { der, pem, fingerprint: await sha256(der) };
  }));
}

/** A PEM text of certificates, each once. */
export function bundleText(entries: readonly BundleEntry[]): string {
  return [...new Map(entries.map(({ fingerprint, pem }) => [fingerprint, pem])).values()].join("");
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
