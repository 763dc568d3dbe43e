import { CertError } from "../errors.ts";

/** What a PEM block holds. */
export type PemLabel = "CERTIFICATE" | "PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" | "X509 CRL";

/** A PEM block with lines of 64 characters. */
export function encodePem(label: PemLabel, der: ArrayBuffer): string {
  let binary = "";
  for (const byte of new Uint8Array(der)) binary += String.fromCharCode(byte);
  const lines = btoa(binary).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** A block of a PEM text. */
export interface PemBlock {
  readonly label: PemLabel;
  readonly der: Uint8Array<ArrayBuffer>;
  /** The block alone, with a line feed at its end. */
  readonly pem: string;
}

/**
 * All blocks with one of the labels, in their order.
 *
 * @throws {CertError} code `malformed`.
 */
export function pemBlocks(text: string, ...labels: readonly PemLabel[]): PemBlock[] {
  const block = new RegExp(`-----BEGIN (${labels.join("|")})-----[^-]*-----END \\1-----`, "g");
  return [...text.matchAll(block)].map(([found, name]) => {
    const label = name as PemLabel;
    const der = decodePem(label, found);
    return { label, der, pem: encodePem(label, der.buffer) };
  });
}

/**
 * The bytes of the first block with the label.
 *
 * @throws {CertError} code `malformed`.
 */
export function decodePem(label: PemLabel, text: string): Uint8Array<ArrayBuffer> {
  const block = new RegExp(`-----BEGIN ${label}-----([\\sA-Za-z0-9+/=]*)-----END ${label}-----`)
    .exec(text)?.[1];
  try {
    if (block !== undefined) {
      return Uint8Array.from(atob(block.replace(/\s/g, "")), (char) => char.charCodeAt(0));
    }
  } catch {
    // Not base64: the same as no block.
  }
  throw new CertError("malformed", `there is no readable PEM block "${label}"`, {
    remedy: "check that it is the right file",
  });
}
