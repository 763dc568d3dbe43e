/**
 * The payload of a `message` frame: whom it is for, and the message.
 *
 * ```text
 * +-------+--------+-------------+------+---------+
 * | flags | uid    | path length | path | message |
 * | u8    | varint | u16         |      | msgpack |
 * +-------+--------+-------------+------+---------+
 * ```
 *
 * Flags are reserved and must be 0. `path length` is big-endian and counts bytes of UTF-8. The
 * header can be read alone, so that permission is checked before the message is decoded.
 *
 * @module
 */
import type { Codec } from "./codec.ts";
import { malformed, tooLarge, WireError } from "./errors.ts";
import { defaultWireLimits } from "./limits.ts";
import { texts, utf8Length, writeText } from "./text.ts";
import { readVarint, varintSize, writeVarint } from "./varint.ts";

/** Bytes of the flags and of the path length. */
const FIXED_BYTES = 3;

/** Whom a message is for. */
export interface EnvelopeHeader {
  /** Path of the actor on the receiving node. */
  readonly path: string;
  /** Incarnation of the actor; 0 means whichever lives there. */
  readonly uid: number;
  /** Where the encoded message begins. */
  readonly bodyStart: number;
}

/** A message and whom it is for. */
export interface Envelope {
  /** Path of the actor on the receiving node. */
  readonly path: string;
  /** Incarnation of the actor; 0 means whichever lives there. */
  readonly uid: number;
  /** The decoded message. */
  readonly message: unknown;
}

/**
 * Encodes an envelope. The bytes are valid until the next envelope of this codec.
 *
 * @throws {WireError} code `notSerializable`, `tooDeep` or `tooLarge`.
 */
export function encodeEnvelope(
  codec: Codec,
  path: string,
  uid: number,
  message: unknown,
): Uint8Array {
  if (!Number.isSafeInteger(uid) || uid < 0) {
    throw new WireError("notSerializable", `an envelope has uid ${uid}`, {
      value: uid,
      remedy: "use a whole number from 0 to 2^53 - 1",
    });
  }
  const { maxPath } = codec.limits;
  const pathLength = utf8Length(path);
  if (pathLength > maxPath) throw tooLarge("a path", pathLength, "bytes", "maxPath", maxPath);
  const headroom = FIXED_BYTES + varintSize(uid) + pathLength;
  const bytes = codec.encodeBehind(headroom, message);
  bytes[0] = 0;
  const at = writeVarint(uid, bytes, 1);
  bytes[at] = pathLength >>> 8;
  bytes[at + 1] = pathLength;
  writeText(path, bytes, at + 2, pathLength, "maxPath");
  return bytes;
}

/**
 * Reads only the header of the envelope in `bytes[start]` to `bytes[end - 1]`. `maxPath` is the
 * limit of the same name, by default 2,048.
 *
 * @throws {WireError} code `malformed` or `tooLarge`.
 */
export function decodeEnvelopeHeader(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxPath: number = defaultWireLimits.maxPath,
): EnvelopeHeader {
  if (end - start < FIXED_BYTES + 1) throw malformed("an envelope is cut short");
  if (bytes[start] !== 0) throw malformed("an envelope has reserved flags", bytes[start]);
  const uid = readVarint(bytes, start + 1, end);
  const at = start + 1 + varintSize(uid);
  if (end - at < 2) throw malformed("an envelope is cut short");
  const pathLength = (bytes[at]! << 8) | bytes[at + 1]!;
  if (pathLength > maxPath) throw tooLarge("a path", pathLength, "bytes", "maxPath", maxPath);
  const bodyStart = at + 2 + pathLength;
  if (bodyStart > end) throw malformed("an envelope is cut short");
  return { path: texts.read(bytes, at + 2, bodyStart), uid, bodyStart };
}

/**
 * Decodes the envelope in `bytes[start]` to `bytes[end - 1]`.
 *
 * @throws {WireError} code `malformed`, `tooDeep` or `tooLarge`.
 */
export function decodeEnvelope(
  codec: Codec,
  bytes: Uint8Array,
  start: number,
  end: number,
): Envelope {
  const { path, uid, bodyStart } = decodeEnvelopeHeader(bytes, start, end, codec.limits.maxPath);
  return { path, uid, message: codec.decode(bytes, bodyStart, end) };
}
