/** One block of a PEM text. */
export interface PemBlock {
  /** What stands after `BEGIN`, for example `"CERTIFICATE"`. */
  readonly label: string;
  readonly der: Uint8Array;
}

const block = /-----BEGIN ([A-Z0-9 ]{1,40})-----([A-Za-z0-9+/=\s]*)-----END \1-----/g;

/** The blocks of a PEM text in order. Text between blocks and blocks that are not base64 are skipped. */
export function pemBlocks(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  for (const [, label, body] of text.matchAll(block)) {
    const der = decodeBase64(body!);
    if (der !== undefined) blocks.push({ label: label!, der });
  }
  return blocks;
}

/** The DER bytes of every certificate in a PEM text, in order. */
export function pemCertificates(text: string): Uint8Array[] {
  return pemBlocks(text).filter(({ label }) => label === "CERTIFICATE").map(({ der }) => der);
}

function decodeBase64(text: string): Uint8Array | undefined {
  try {
    const binary = atob(text.replace(/\s+/g, ""));
    return Uint8Array.from(binary, (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}
