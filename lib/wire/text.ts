/**
 * Text to and from UTF-8. For a few characters a loop is fastest, for more the runtime's own
 * conversion; `Buffer` has the one that takes a range without a view of it.
 *
 * @module
 */
import { Buffer, isAscii, isUtf8 } from "node:buffer";
import { malformed, tooLarge, WireError } from "./errors.ts";
import type { WireLimits } from "./limits.ts";

const encoder = new TextEncoder();

/** Up to this many units a loop is faster than the call of the encoder. */
export const SHORT_TEXT = 72;
/** From this many bytes on it pays to ask first whether all are ASCII. */
const LONG_TEXT = 256;

/**
 * Writes `text` as UTF-8 at `at`; `out` must have room for `maximum` bytes there.
 *
 * @returns where the next byte goes.
 * @throws {WireError} code `tooLarge` above `maximum` bytes (`limit` names the option), code
 * `notSerializable` for a lone surrogate.
 */
export function writeText(
  text: string,
  out: Uint8Array,
  at: number,
  maximum: number,
  limit: keyof WireLimits,
): number {
  const length = text.length;
  if (length > maximum) throw tooLarge("a text", length, "bytes", limit, maximum);
  if (length > SHORT_TEXT) return writeWideText(text, out, at, maximum, limit);
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80) return writeWideText(text, out, at, maximum, limit);
    out[at + i] = code;
  }
  return at + length;
}

function writeWideText(
  text: string,
  out: Uint8Array,
  at: number,
  maximum: number,
  limit: keyof WireLimits,
): number {
  if (!text.isWellFormed()) {
    throw new WireError("notSerializable", "a path or node name holds half a surrogate pair", {
      value: text,
      remedy: "use well-formed text",
    });
  }
  const { read, written } = encodeText(text, out, at, maximum);
  if (read < text.length) throw tooLarge("a text", utf8Length(text), "bytes", limit, maximum);
  return at + written;
}

/** Encodes as much of `text` as fits into `room` bytes at `at`; half a surrogate pair is lost. */
export function encodeText(
  text: string,
  out: Uint8Array,
  at: number,
  room: number,
): TextEncoderEncodeIntoResult {
  return encoder.encodeInto(text, out.subarray(at, at + room));
}

/** Bytes of `text` in UTF-8; a lone surrogate counts 3. */
export function utf8Length(text: string): number {
  const { length } = text;
  if (length > SHORT_TEXT) return Buffer.byteLength(text);
  let bytes = length;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) continue;
    bytes += code < 0x800 ? 1 : 2;
    // A pair is two units and four bytes.
    if (code >= 0xd800 && code <= 0xdbff) {
      const next = text.charCodeAt(i + 1);
      if (next >= 0xdc00 && next <= 0xdfff) i++;
    }
  }
  return bytes;
}

/**
 * The text of `bytes[start]` to `bytes[end - 1]`.
 *
 * @throws {WireError} code `malformed`, when the range is not UTF-8.
 */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  if (end - start >= LONG_TEXT && isAscii(bytes.subarray(start, end))) {
    return toText.call(bytes, "latin1", start, end);
  }
  if (bytes[start] === 0xef && bytes[start + 1] === 0xbb) return decodeMarked(bytes, start, end);
  return decodeUtf8(bytes, start, end);
}

/** The text of UTF-16, little-endian, in `bytes[start]` to `bytes[end - 1]`, also if ill-formed. */
export function decodeUtf16(bytes: Uint8Array, start: number, end: number): string {
  return toText.call(bytes, "utf16le", start, end);
}

/** Some decoders take U+FEFF at the start for a signature and leave it out; here it is text. */
function decodeMarked(bytes: Uint8Array, start: number, end: number): string {
  let from = start;
  while (
    from + 3 <= end && bytes[from] === 0xef && bytes[from + 1] === 0xbb && bytes[from + 2] === 0xbf
  ) from += 3;
  return "\ufeff".repeat((from - start) / 3) + decodeUtf8(bytes, from, end);
}

function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  const text = toText.call(bytes, "utf8", start, end);
  // What is not UTF-8 comes out as this character; it may as well have been sent.
  if (text.includes("\ufffd") && !isUtf8(bytes.subarray(start, end))) {
    throw malformed("a text is not UTF-8");
  }
  return text;
}

// It reads any Uint8Array; the chunks of memory links are no Buffers.
const toText = Buffer.prototype.toString as (
  this: Uint8Array,
  encoding: "utf8" | "latin1" | "utf16le",
  start: number,
  end: number,
) => string;

/** Number of slots; a power of two. */
const SLOTS = 1_024;
/** Longer texts are decoded as fast as they are compared. */
const LONGEST_KEPT = 32;

/**
 * Remembers short ASCII texts, which repeat: keys, types, node names. Every text has one slot and
 * evicts whatever is there, so a peer that chooses the bytes can cause misses but no growth.
 */
export class TextCache {
  readonly #slots: string[] = new Array(SLOTS).fill("");

  /**
   * The text of `bytes[start]` to `bytes[end - 1]`.
   *
   * @throws {WireError} code `malformed`, when the range is not UTF-8.
   */
  read(bytes: Uint8Array, start: number, end: number): string {
    const length = end - start;
    if (length > LONGEST_KEPT) return decodeText(bytes, start, end);
    let hash = length;
    let units = 0;
    for (let i = start; i < end; i++) {
      const byte = bytes[i]!;
      units |= byte;
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    if (units >= 0x80) return decodeText(bytes, start, end);
    const index = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    const kept = this.#slots[index]!;
    if (kept.length === length && equalRange(kept, bytes, start)) return kept;
    const text = length > 10 ? toText.call(bytes, "latin1", start, end) : spell(bytes, start, end);
    this.#slots[index] = text;
    return text;
  }
}

function equalRange(kept: string, bytes: Uint8Array, start: number): boolean {
  const { length } = kept;
  for (let i = 0; i < length; i++) if (kept.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}

/** A few ASCII bytes; faster than a call of the runtime. */
function spell(bytes: Uint8Array, start: number, end: number): string {
  const units: number[] = [];
  for (let i = start; i < end; i++) units.push(bytes[i]!);
  return String.fromCharCode(...units);
}

/** One cache for the process: what a text reads as depends on nothing else. */
export const texts: TextCache = new TextCache();
