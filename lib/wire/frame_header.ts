import { HEADER_BYTES } from "./frame.ts";

/** Writes the length and the type of a frame with a payload of `size` bytes; returns its place. */
export function writeFrameHeader(out: Uint8Array, at: number, type: number, size: number): number {
  writeUint32(out, at, size + 1);
  out[at + 4] = type;
  return at + HEADER_BYTES;
}

/** Writes an unsigned big-endian 32-bit number. */
export function writeUint32(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
}

/** Reads an unsigned big-endian 32-bit number; a length field is one. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>>
    0;
}
