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

/** Bytes for which room is made before the first is inflated, at most. */
const firstBuffer = 16_384;

/** What is saved must be worth the time of the receiver. */
const worthwhile = 0.9;

/** Bounds on what is inflated; both ends keep to them. */
export interface CompressionLimits {
  /** Largest message, bytes. */
  readonly maxMessage: number;
  /** How many times its compressed size a message may have. */
  readonly maxCompressionRatio: number;
}

/** The payload of a `compressed` frame; undefined if that is not worth it, or not allowed. */
export function compress(payload: Uint8Array, maxRatio: number): Uint8Array | undefined {
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
 * The message in a `compressed` frame. The inflating stops as soon as there is more than was
 * announced, so that a bomb costs no more than a message of the announced size.
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
      { value: size, remedy: "raise maxCompressionRatio on both ends, or send it uncompressed" },
    );
  }
  let inflated: Uint8Array;
  try {
    // One byte more than may come: 0 would mean no limit.
    inflated = inflateRawSync(bytes.subarray(start + SIZE_BYTES, end), {
      maxOutputLength: size + 1,
      // Its first buffer, which is 16 KiB otherwise, however small the message.
      chunkSize: Math.min(firstBuffer, Math.max(64, size + 1)),
    });
  } catch (cause) {
    throw malformed("a compressed message cannot be inflated", undefined, cause);
  }
  if (inflated.length !== size) {
    throw malformed(`a compressed message has not the ${size} bytes that it announces`);
  }
  // What it returned is a Buffer, which a message must not see.
  return new Uint8Array(inflated.buffer, inflated.byteOffset, size);
}
