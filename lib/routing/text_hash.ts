/**
 * 32 bits of a text: the same on every node, client and version, for ever.
 *
 * FNV-1a (Fowler, Noll, Vo) over the UTF-16 code units of the text, low byte first, then
 * {@linkcode mixBits}. `tests/routing/text_hash_test.ts` holds test vectors. Not cryptographic: an
 * adversary who chooses texts can make them meet.
 *
 * @returns a signed whole number of 32 bits.
 */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  return mixBits(hash);
}

/**
 * Spreads every bit of a 32-bit number over all others: the final mix of MurmurHash3 (Appleby).
 * Different numbers stay different.
 *
 * @returns a signed whole number of 32 bits.
 */
export function mixBits(bits: number): number {
  let hash = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
