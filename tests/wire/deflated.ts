/**
 * Deflated bytes as an attacker writes them.
 *
 * @module
 */

/** Writes bits, the lowest first. */
export class BitWriter {
  readonly bytes: number[] = [];
  #held = 0;
  #bits = 0;

  /** The lowest bits of a number. */
  put(value: number, bits: number): void {
    for (let i = 0; i < bits; i++) {
      this.#held |= (value >>> i & 1) << this.#bits;
      if (++this.#bits < 8) continue;
      this.bytes.push(this.#held);
      this.#held = this.#bits = 0;
    }
  }

  /** Fills the last byte. */
  finish(): Uint8Array {
    if (this.#bits > 0) this.put(0, 8 - this.#bits);
    return Uint8Array.from(this.bytes);
  }
}

/** A block that brings its own codes and holds nothing: 12 bytes for two tables. */
function emptyBlock(to: BitWriter): void {
  to.put(0, 1);
  to.put(2, 2);
  to.put(0, 5); // 257 literals
  to.put(0, 5); // 1 distance
  to.put(14, 4); // 18 lengths of lengths
  for (const symbol of [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1]) {
    to.put(symbol === 18 || symbol === 1 ? 1 : 0, 3);
  }
  // 256 zeros in two runs, and a length of 1 for the end of a block and a distance.
  to.put(1, 1);
  to.put(127, 7);
  to.put(1, 1);
  to.put(107, 7);
  to.put(0, 2);
  to.put(0, 1);
}

/** About `size` bytes of blocks that hold nothing. */
export function emptyBlocks(size: number): Uint8Array {
  const to = new BitWriter();
  while (to.bytes.length < size - 16) emptyBlock(to);
  to.put(1, 1);
  to.put(1, 2);
  to.put(0, 7);
  return to.finish();
}
