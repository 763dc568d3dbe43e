/** How many certificates are remembered; a cluster shows one for each node, and its authorities. */
export const maxReadings = 512;
/** Longer certificates are not remembered, so that accepted peers cannot fill the memory. */
export const maxRememberedBytes = 4_096;
/** How many certificates of foreign peers are kept until they are judged. */
export const maxLooked = 16;

/**
 * Parsed certificates by their bytes, so that an entry never becomes wrong. Whether a certificate
 * is acceptable depends on the time, our authorities and revocations, and is judged in each
 * handshake. The least recently used entry is evicted first.
 */
export class CertificateReadings<T> {
  readonly #parse: (der: Uint8Array) => T;
  readonly #known = new Map<string, T>();
  /**
   * The latest that were looked at. A handshake looks at a certificate first, and reads it again when the
   * TLS layer has accepted it. A handful: foreign peers choose what is in here.
   */
  readonly #looked = new Map<string, T>();

  /** `parse` throws when the bytes are no certificate; that is not remembered. */
  constructor(parse: (der: Uint8Array) => T) {
    this.#parse = parse;
  }

  /** How many are remembered. */
  get size(): number {
    return this.#known.size;
  }

  /** The result of `parse` for these bytes, possibly cached. */
  read(der: Uint8Array): T {
    if (der.length > maxRememberedBytes) return this.#parse(der);
    const bytes = textOf(der);
    let reading = this.#known.get(bytes);
    if (reading === undefined) reading = this.#takeLooked(bytes) ?? this.#parse(der);
    // A map keeps insertion order: the entry just used moves to the end.
    else this.#known.delete(bytes);
    this.#known.set(bytes, reading);
    if (this.#known.size > maxReadings) this.#known.delete(this.#known.keys().next().value!);
    return reading;
  }

  /**
   * The same for bytes of a foreign peer: what is not remembered already is not remembered afterwards, but
   * for a moment, for {@linkcode read}.
   */
  readOnce(der: Uint8Array): T {
    if (der.length > maxRememberedBytes) return this.#parse(der);
    const bytes = textOf(der);
    const known = this.#known.get(bytes);
    if (known !== undefined) return known;
    const reading = this.#parse(der);
    this.#looked.delete(bytes);
    this.#looked.set(bytes, reading);
    if (this.#looked.size > maxLooked) this.#looked.delete(this.#looked.keys().next().value!);
    return reading;
  }

  #takeLooked(bytes: string): T | undefined {
    const reading = this.#looked.get(bytes);
    if (reading !== undefined) this.#looked.delete(bytes);
    return reading;
  }
}

/** One character for each byte. */
function textOf(bytes: Uint8Array): string {
  return String.fromCharCode.apply(undefined, bytes as unknown as number[]);
}
