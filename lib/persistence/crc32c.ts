/** CRC-32C (Castagnoli), reflected polynomial 0x82f63b78, as in iSCSI (RFC 3720, section B.4). */
const table = new Uint32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0x82f63b78;
  table[byte] = crc;
}

/**
 * The checksum of bytes, from 0 to 2^32 - 1.
 *
 * @param before checksum of the bytes before them, if they are a part. Default: there are none.
 */
export function crc32c(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  for (let i = 0; i < bytes.length; i++) {
    crc = (crc >>> 8) ^ table[(crc ^ bytes[i]!) & 0xff]!;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
