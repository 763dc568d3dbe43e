import type { CertificateReading } from "./certificate.ts";

/** How many certificates are remembered; a cluster shows one for each node, and its authorities. */
export const maxReadings = 512;
/** Longer certificates are not remembered, so that those who are let in cannot fill the memory. */
export const maxRememberedBytes = 4_096;

/**
 * What certificates say, by their very bytes, so that nothing ever makes an entry wrong. Whether
 * that is acceptable depends on the time, our authorities and revocations, and is judged anew in
 * each handshake. The one that was not asked for the longest is forgotten first.
 */
export class CertificateReadings {
  readonly #parse: (der: Uint8Array) => CertificateReading;
  readonly #known = new Map<string, CertificateReading>();

  /** `parse` throws when the bytes are no certificate, which is not remembered. */
  constructor(parse: (der: Uint8Array) => CertificateReading) {
    this.#parse = parse;
  }

  /** How many are remembered. */
  get size(): number {
    return this.#known.size;
  }

  /** What `parse` says about these bytes, or has said before. */
  read(der: Uint8Array): CertificateReading {
    if (der.length > maxRememberedBytes) return this.#parse(der);
    const bytes = textOf(der);
    let reading = this.#known.get(bytes);
    if (reading === undefined) reading = this.#parse(der);
    // A map remembers the order: what was asked for last goes to its end.
    else this.#known.delete(bytes);
    this.#known.set(bytes, reading);
    if (this.#known.size > maxReadings) this.#known.delete(this.#known.keys().next().value!);
    return reading;
  }
}

/** One character for each byte. */
function textOf(bytes: Uint8Array): string {
  return String.fromCharCode.apply(undefined, bytes as unknown as number[]);
}
