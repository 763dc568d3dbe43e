/** Bytes of one slab; what is larger than an eighth of it gets memory of its own. */
const slabSize = 65_536;

/**
 * Copies of short byte arrays, many in one buffer: a buffer for each costs several times as much as the
 * copy. No memory is used twice; a slab is freed when the last copy in it is.
 */
export class ByteArena {
  #slab = new Uint8Array(0);
  #used = 0;

  /** A copy, which nothing else changes. */
  copy(bytes: Uint8Array): Uint8Array {
    const { length } = bytes;
    if (length > slabSize / 8) return bytes.slice();
    if (this.#used + length > this.#slab.length) {
      this.#slab = new Uint8Array(slabSize);
      this.#used = 0;
    }
    const copy = this.#slab.subarray(this.#used, this.#used += length);
    copy.set(bytes);
    return copy;
  }
}
