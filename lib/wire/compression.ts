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
 * `size` is that of the message, big-endian. A sender deflates only where that saves bytes.
 *
 * @module
 */
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { malformed, tooLarge, WireError } from "./errors.ts";
import { readUint32, writeUint32 } from "./frame_header.ts";
import { Inflater } from "./inflate.ts";

const SIZE_BYTES = 4;

/** Bytes that deflating may add: a peer that adds more only makes work. */
const maxOverhead = 1_024;

/** Largest message that is read, bytes. */
const maxInflated = 1_048_576;
/**
 * Largest message that is compressed, bytes: deflating takes up to 12 ns a byte, in which the event
 * loop stands still.
 */
const maxDeflated = 262_144;

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
  if (payload.length > maxDeflated) return undefined;
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
 * Inflates the message in a `compressed` frame of a peer, in steps. No more memory is taken than the
 * declared size, and no more work is done than that size and the deflated bytes permit.
 *
 * @throws {WireError} code `malformed` or `tooLarge`.
 */
export function inflaterOf(
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: CompressionLimits,
): Inflater {
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
  if (deflated > size + maxOverhead) {
    throw malformed(`a compressed message of ${size} bytes takes ${deflated}`);
  }
  return new Inflater(bytes, start + SIZE_BYTES, end, size);
}

/** The message in a `compressed` frame of this end. */
export function restored(bytes: Uint8Array): Uint8Array {
  const inflated = inflateRawSync(bytes.subarray(SIZE_BYTES));
  // `node:zlib` returns a Buffer, which must not leak into messages.
  return new Uint8Array(inflated.buffer, inflated.byteOffset, inflated.length);
}
