import { malformed } from "./errors.ts";

/** Most bytes that a varint takes: 8 * 7 bits hold every safe integer. */
export const MAX_VARINT = 8;

/**
 * Writes a whole number from 0 to 2^53 - 1 in 1 to 8 bytes: 7 bits each, lowest first, the top bit
 * set on all but the last (LEB128, as in DWARF and Protocol Buffers).
 *
 * @returns where the next byte goes.
 */
export function writeVarint(value: number, out: Uint8Array, at: number): number {
  let rest = value;
  while (rest >= 0x80) {
    out[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  out[at++] = rest;
  return at;
}

/**
 * Reads a varint at `at`; {@linkcode varintSize} returns its length.
 *
 * @throws {WireError} code `malformed`, when it is cut, above 2^53 - 1 or not the shortest form.
 */
export function readVarint(bytes: Uint8Array, at: number, end: number): number {
  let value = 0;
  let scale = 1;
  for (let i = 0; i < MAX_VARINT && at + i < end; i++) {
    const byte = bytes[at + i]!;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      if ((i > 0 && byte === 0) || value > Number.MAX_SAFE_INTEGER) break;
      return value;
    }
    scale *= 0x80;
  }
  throw malformed("a number in a header is cut or out of range");
}

/** How many bytes {@linkcode writeVarint} takes for `value`. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
}
