/**
 * The payload of a `compressed` frame: a message, deflated (RFC 1951, without a header).
 *
 * ```text
 * +--------+----------+
 * | size   | deflated |
 * | u32    |          |
 * +--------+----------+
 * ```
 *
 * `size` is that of the message, big-endian.
 *
 * @module
 */
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { malformed, tooLarge, WireError } from "./errors.ts";
import { readUint32, writeUint32 } from "./frame_header.ts";

const SIZE_BYTES = 4;

/** Largest initial inflate buffer, bytes. */
const firstBuffer = 16_384;

/**
 * Largest message that is compressed, bytes: inflating it takes some milliseconds, in which the
 * event loop stands still.
 */
export const maxInflated = 1_048_576;

/** Compress only if at least 10 % is saved: inflating costs the receiver time. */
const worthwhile = 0.9;

/** Limits on compressed messages; both ends enforce them. */
export interface CompressionLimits {
  /** Largest message, bytes. */
  readonly maxMessage: number;
  /** Largest ratio of message size to compressed size. */
  readonly maxCompressionRatio: number;
}

/** The payload of a `compressed` frame; undefined if it saves too little, exceeds `maxRatio`, or is too large. */
export function compress(payload: Uint8Array, maxRatio: number): Uint8Array | undefined {
  if (payload.length > maxInflated) return undefined;
  const deflated = deflateRawSync(payload, { level: 1 });
  const size = deflated.length + SIZE_BYTES;
  if (size > payload.length * worthwhile || payload.length > deflated.length * maxRatio) {
    return undefined;
  }
  const bytes = new Uint8Array(size);
  writeUint32(bytes, 0, payload.length);
  bytes.set(deflated, SIZE_BYTES);
  return bytes;
}

/**
 * The message in a `compressed` frame. Inflating stops one byte above the declared size, so that a
 * decompression bomb costs no more than a message of that size.
 *
 * @throws {WireError} code `malformed` or `tooLarge`.
 */
export function decompress(
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: CompressionLimits,
): Uint8Array {
  if (end - start <= SIZE_BYTES) throw malformed("a compressed message is cut short");
  const { maxMessage, maxCompressionRatio } = limits;
  const size = readUint32(bytes, start);
  if (size > maxMessage) throw tooLarge("a message", size, "bytes", "maxMessage", maxMessage);
  const deflated = end - start - SIZE_BYTES;
  if (size > deflated * maxCompressionRatio) {
    throw new WireError(
      "tooLarge",
      `a message of ${size} bytes in ${deflated} exceeds maxCompressionRatio ` +
        `${maxCompressionRatio}`,
      {
        value: size,
        remedy: "raise transport.maxCompressionRatio on both ends, or send it uncompressed",
      },
    );
  }
  if (size > maxInflated) throw malformed(`${size} bytes are compressed, above ${maxInflated}`);
  let inflated: Uint8Array;
  try {
    // One byte above the declared size: 0 would mean no limit.
    inflated = inflateRawSync(bytes.subarray(start + SIZE_BYTES, end), {
      maxOutputLength: size + 1,
      // The initial buffer; zlib's default of 16 KiB is too large for small messages.
      chunkSize: Math.min(firstBuffer, Math.max(64, size + 1)),
    });
  } catch (cause) {
    throw malformed("a compressed message cannot be inflated", undefined, cause);
  }
  if (inflated.length !== size) {
    throw malformed(
      `a compressed message has ${inflated.length} bytes instead of the declared ${size}`,
    );
  }
  // `node:zlib` returns a Buffer, which must not leak into messages.
  return new Uint8Array(inflated.buffer, inflated.byteOffset, size);
}
