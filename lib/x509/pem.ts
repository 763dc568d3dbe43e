import { Certificate, CertificateRevocationList } from "pkijs";
import { X509Error } from "./errors.ts";

/** One block of a PEM text. */
export interface PemBlock {
  /** The label after `BEGIN`, for example `"CERTIFICATE"`. */
  readonly label: string;
  readonly der: Uint8Array<ArrayBuffer>;
  /** The block alone, in lines of 64 characters, with a line feed at its end. */
  readonly pem: string;
}

const block = /-----BEGIN ([A-Z0-9 ]{1,40})-----([^-]*)-----END \1-----/g;
/** An older name, which openssl still reads. */
const aliases: Readonly<Record<string, string>> = { "X509 CERTIFICATE": "CERTIFICATE" };

/**
 * The blocks of a PEM text, in their order; of some labels if any are named. Text between blocks
 * does not matter.
 *
 * @throws {X509Error} code `malformed` for a block that is cut off or is not base64: an authority
 * or a silently skipped list would change what is trusted.
 */
export function pemBlocks(text: string, ...labels: readonly string[]): PemBlock[] {
  const wanted = (label: string) => labels.length === 0 || labels.includes(label);
  const blocks: PemBlock[] = [];
  let found = 0;
  for (const [, written, body] of text.matchAll(block)) {
    const label = aliases[written!] ?? written!;
    if (!wanted(label)) continue;
    found++;
    const der = decodeBase64(body!);
    if (der === undefined) throw malformed(label, `PEM block ${found} "${label}" is not base64`);
    blocks.push({ label, der, pem: encodePem(label, der) });
  }
  const started = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]{1,40})-----/g)]
    .map(([, label]) => aliases[label!] ?? label!).filter(wanted);
  if (started.length > found) {
    throw malformed(started.at(-1)!, `a PEM block "${started.at(-1)}" is cut off`);
  }
  return blocks;
}

/** The DER bytes of every certificate in a PEM text, in order. */
export function pemCertificates(text: string): Uint8Array<ArrayBuffer>[] {
  return pemBlocks(text, "CERTIFICATE").map(({ der }) => der);
}

/** A PEM block with lines of 64 characters. */
export function encodePem(label: string, der: ArrayBuffer | Uint8Array): string {
  let binary = "";
  for (const byte of new Uint8Array(der)) binary += String.fromCharCode(byte);
  const lines = btoa(binary).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/**
 * The text of a file: of one certificate or revocation list in DER, its PEM block. What is neither
 * is taken as text.
 */
export function pemText(bytes: Uint8Array): string {
  // The first byte of a DER structure is the tag of a sequence; in a text it would be the digit 0.
  if (bytes[0] === 0x30) {
    for (const [label, parse] of structures) {
      try {
        parse(Uint8Array.from(bytes));
        return encodePem(label, bytes);
      } catch {
        // Not this one.
      }
    }
  }
  return new TextDecoder().decode(bytes);
}

const structures: readonly (readonly [string, (der: Uint8Array<ArrayBuffer>) => unknown])[] = [
  ["CERTIFICATE", (der) => Certificate.fromBER(der)],
  ["X509 CRL", (der) => CertificateRevocationList.fromBER(der)],
];

function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const binary = atob(text.replace(/\s+/g, ""));
    return Uint8Array.from(binary, (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function malformed(label: string, problem: string): X509Error {
  return new X509Error("malformed", problem, {
    value: label,
    remedy: "restore the file from a copy" +
      (label === "X509 CRL" ? ": what it revokes must not be forgotten" : ", or write it anew"),
  });
}
