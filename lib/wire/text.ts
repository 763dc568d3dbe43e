/**
 * Short texts (actor paths, node names) to and from UTF-8, without garbage for those that repeat.
 *
 * @module
 */
import { malformed, tooLarge, WireError } from "./errors.ts";
import type { WireLimits } from "./limits.ts";

const encoder = new TextEncoder();
// Without ignoreBOM a leading U+FEFF would vanish.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

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
  const { read, written } = encoder.encodeInto(text, out.subarray(at, at + maximum));
  if (read < text.length) throw tooLarge("a text", utf8Length(text), "bytes", limit, maximum);
  return at + written;
}

/** Bytes of `text` in UTF-8; a lone surrogate counts 3. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
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

/** Number of slots; a power of two. */
const SLOTS = 1_024;
/** Longer texts are not kept, so that the cache stays below 400 KB. */
const LONGEST_KEPT = 128;

interface Slot {
  readonly bytes: Uint8Array;
  readonly text: string;
}

/**
 * Remembers the texts of byte ranges. Every text has one slot and evicts whatever is there, so a
 * peer that chooses the bytes can cause misses but no growth.
 */
export class TextCache {
  readonly #slots: (Slot | undefined)[] = new Array(SLOTS).fill(undefined);

  /**
   * The text of `bytes[start]` to `bytes[end - 1]`.
   *
   * @throws {WireError} code `malformed`, when the range is not UTF-8.
   */
  read(bytes: Uint8Array, start: number, end: number): string {
    const length = end - start;
    if (length > LONGEST_KEPT) return decodeText(bytes, start, end);
    let hash = length;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
    const index = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    const slot = this.#slots[index];
    if (slot !== undefined && equalRange(slot.bytes, bytes, start, length)) return slot.text;
    const text = decodeText(bytes, start, end);
    // Not bytes.slice(): a chunk may be a node:buffer Buffer, whose slice shares the memory.
    this.#slots[index] = { bytes: new Uint8Array(bytes.subarray(start, end)), text };
    return text;
  }
}

function equalRange(kept: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (kept.length !== length) return false;
  for (let i = 0; i < length; i++) if (kept[i] !== bytes[start + i]) return false;
  return true;
}

function decodeText(bytes: Uint8Array, start: number, end: number): string {
  try {
    return decoder.decode(bytes.subarray(start, end));
  } catch (cause) {
    throw malformed("a text is not UTF-8", undefined, cause);
  }
}

/** One cache for the process: what a text reads as depends on nothing else. */
export const texts: TextCache = new TextCache();
