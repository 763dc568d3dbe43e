/**
 * Texts and bigints that are too long to be decoded in one turn: they are decoded in pieces.
 *
 * @module
 */
import { malformed } from "./errors.ts";
import { decodeText, decodeUtf16 } from "./text.ts";

/** Longer texts are decoded in pieces of so many bytes. */
export const textPiece = 131_072;
/** The same for bigints, of which a byte takes longer. */
const bigintPiece = 32_768;

/** A value that is decoded in pieces. */
export interface LongLeaf {
  /** How many of the bytes from `at` on the next piece takes; 0: it needs no more bytes. */
  pieceAt(bytes: Uint8Array, at: number): number;
  /**
   * Decodes the piece `bytes[start]` to `bytes[end - 1]`. Returns whether the value is whole.
   *
   * @throws {WireError} code `malformed`.
   */
  take(bytes: Uint8Array, start: number, end: number): boolean;
  /** What decoding that many bytes costs, in values. */
  costOf(size: number): number;
  /** The whole value. */
  readonly value: unknown;
}

/** A text in UTF-8. */
export class LongText implements LongLeaf {
  value = "";
  #left: number;

  /** A text of `length` bytes. */
  constructor(length: number) {
    this.#left = length;
  }

  pieceAt(bytes: Uint8Array, at: number): number {
    if (this.#left <= textPiece) return this.#left;
    let size = textPiece;
    // No character is cut; what has more than three bytes of this kind in a row is no UTF-8.
    while (size > textPiece - 4 && (bytes[at + size]! & 0xc0) === 0x80) size--;
    return size;
  }

  take(bytes: Uint8Array, start: number, end: number): boolean {
    this.value += decodeText(bytes, start, end);
    this.#left -= end - start;
    return this.#left === 0;
  }

  costOf(size: number): number {
    return size >>> 8;
  }
}

/** A text in UTF-16, little-endian. */
export class LongWideText implements LongLeaf {
  value = "";
  #left: number;

  /** A text of `length` bytes. */
  constructor(length: number) {
    this.#left = length;
  }

  pieceAt(): number {
    return Math.min(textPiece, this.#left);
  }

  take(bytes: Uint8Array, start: number, end: number): boolean {
    this.value += decodeUtf16(bytes, start, end);
    this.#left -= end - start;
    return this.#left === 0;
  }

  costOf(size: number): number {
    return size >>> 8;
  }
}

/** A part of a bigint. */
interface Digits {
  readonly value: bigint;
  readonly bits: bigint;
}

/** A bigint of sign and magnitude. */
export class LongBigint implements LongLeaf {
  #left: number;
  #negative: boolean | undefined;
  /** Parts in order, the most significant first. Invariant: each has more bits than the next. */
  readonly #parts: Digits[] = [];

  /** A bigint of `length` bytes. */
  constructor(length: number) {
    this.#left = length;
  }

  get value(): bigint {
    const magnitude = this.#parts[0]!.value;
    return this.#negative === true ? -magnitude : magnitude;
  }

  pieceAt(): number {
    if (this.#negative === undefined) return 1;
    return this.#isDue() ? 0 : Math.min(bigintPiece, this.#left);
  }

  take(bytes: Uint8Array, start: number, end: number): boolean {
    this.#left -= end - start;
    if (this.#negative === undefined) {
      if (bytes[start]! > 1) throw malformed("a bigint has a bad form");
      this.#negative = bytes[start] === 1;
    } else if (start === end) this.#join();
    else this.#parts.push(readDigits(bytes, start, end));
    return this.#left === 0 && this.#parts.length === 1;
  }

  costOf(size: number): number {
    return size >>> 3;
  }

  /** Parts of one size are joined to one of twice that size, so that each bit is copied seldom. */
  #isDue(): boolean {
    const [one, other] = this.#parts.slice(-2);
    return one !== undefined && other !== undefined &&
      (this.#left === 0 || one.bits === other.bits);
  }

  #join(): void {
    const low = this.#parts.pop()!;
    const high = this.#parts.pop()!;
    this.#parts.push({ value: (high.value << low.bits) | low.value, bits: high.bits + low.bits });
  }
}

function readDigits(bytes: Uint8Array, start: number, end: number): Digits {
  return { value: readMagnitude(bytes, start, end), bits: BigInt(8 * (end - start)) };
}

/** The unsigned number in the bytes, big-endian: one pass of the engine's. */
export function readMagnitude(bytes: Uint8Array, start: number, end: number): bigint {
  return BigInt("0x" + bytes.subarray(start, end).toHex());
}
