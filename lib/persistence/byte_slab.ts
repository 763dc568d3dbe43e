/** Bytes of a slab. */
const slabSize = 65_536;

let slab = new Uint8Array(0);
let used = 0;

/**
 * A copy of bytes which live shortly, as a part of a larger array: an array of its own costs several
 * times as much as the copy. The slab lives as long as one of its parts.
 */
export function copyToSlab(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  if (length > slabSize / 8) return bytes.slice();
  if (used + length > slab.length) {
    slab = new Uint8Array(slabSize);
    used = 0;
  }
  const copy = slab.subarray(used, used + length);
  copy.set(bytes);
  used += length;
  return copy;
}
