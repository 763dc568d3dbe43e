/**
 * FNV-1a (Fowler, Noll, Vo) with the final mix of MurmurHash3 (Appleby). Not cryptographic: an
 * adversary who chooses texts can make them collide.
 *
 * @module
 */

/** The offset basis: the hash of an empty input. */
export const fnvOffset = 0x811c9dc5;
const prime = 0x01000193;

/** One FNV-1a step: adds a byte, or a wider word where only this process compares hashes. */
export function fnvStep(hash: number, word: number): number {
  return Math.imul(hash ^ word, prime);
}

/**
 * 32 bits of a text: the same on every node, client and version, forever. Over the UTF-16 code
 * units of the text, low byte first, then {@linkcode mixBits}. `tests/routing/text_hash_test.ts`
 * holds test vectors.
 *
 * @returns a signed integer of 32 bits.
 */
export function hashText(text: string): number {
  let hash = fnvOffset;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    hash = fnvStep(fnvStep(hash, unit & 0xff), unit >>> 8);
  }
  return mixBits(hash);
}

/**
 * Spreads every bit of a 32-bit number over all others. A bijection.
 *
 * @returns a signed integer of 32 bits.
 */
export function mixBits(bits: number): number {
  let hash = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
