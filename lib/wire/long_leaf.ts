/**
 * Texts, binaries and bigints that are too long to be decoded in one turn: they are decoded in pieces.
 *
 * @module
 */
import { isAscii } from "node:buffer";
import type { BinaryKind } from "./extension.ts";
import { malformed } from "./errors.ts";
import { release, unfilled } from "./memory.ts";
import { decodeText, decodeUtf16 } from "./text.ts";

/** Longer texts and binaries are decoded in pieces. */
export const longestAtOnce = 131_072;
/** Bytes of UTF-8 that are decoded together. */
export const textPiece = 131_072;
/** Bytes that are copied together: of a binary, and of a text of which each unit has as many bytes. */
export const binaryPiece = 262_144;
const flatPiece = 16_777_216;
/** The same for bigints, of which a byte takes longer. */
const bigintPiece = 32_768;

/** Bytes of memory from which on one copy or operation of the engine gets a turn for itself. */
const aloneFrom = 1_048_576;

/** A value that is decoded in pieces. */
export interface LongLeaf {
  /** Whether the next piece may take so long that nothing else belongs into its turn. */
  readonly alone: boolean;
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

/**
 * A text in UTF-8. Parts that were joined by `+` would be copied by the engine when somebody looks at
 * the text: 10 ms for 16 MiB, in the turn of a handler. So ASCII is decoded at once, which takes 1 ms,
 * and other texts are decoded in pieces to UTF-16, which is a string by one copy.
 */
export class LongText implements LongLeaf {
  value = "";
  #left: number;
  /** The text in UTF-16, as far as it is decoded; undefined while all is ASCII. */
  #units: Uint16Array | undefined;
  #filled = 0;

  /** A text of `length` bytes. */
  constructor(length: number) {
    this.#left = length;
  }

  get alone(): boolean {
    if (this.#units === undefined) return this.#left > aloneFrom;
    return this.#left === 0 && 2 * this.#filled > aloneFrom;
  }

  pieceAt(bytes: Uint8Array, at: number): number {
    if (this.#left === 0) return 0;
    if (this.#units === undefined) {
      const size = Math.min(flatPiece, this.#left);
      if (isAscii(bytes.subarray(at, at + size))) return size;
      // No character has more units than bytes. Memory that is not filled is not touched.
      this.#units = new Uint16Array(unfilled(2 * this.#left));
    }
    if (this.#left <= textPiece) return this.#left;
    let size = textPiece;
    // No character is cut; what has more than three bytes of this kind in a row is no UTF-8.
    while (size > textPiece - 4 && (bytes[at + size]! & 0xc0) === 0x80) size--;
    return size;
  }

  take(bytes: Uint8Array, start: number, end: number): boolean {
    const units = this.#units;
    this.#left -= end - start;
    if (units === undefined) {
      this.value += decodeText(bytes, start, end);
      return this.#left === 0;
    }
    if (start === end) {
      const bytes = new Uint8Array(units.buffer);
      this.value += decodeUtf16(bytes, 0, 2 * this.#filled);
      release(bytes);
      return true;
    }
    const piece = decodeText(bytes, start, end);
    const from = this.#filled;
    for (let i = 0; i < piece.length; i++) units[from + i] = piece.charCodeAt(i);
    this.#filled += piece.length;
    return false;
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

  get alone(): boolean {
    return this.#left > aloneFrom;
  }

  pieceAt(): number {
    return Math.min(flatPiece, this.#left);
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

/** A typed array, `DataView` or `ArrayBuffer` with memory of its own. */
export class LongBinary implements LongLeaf {
  readonly #kind: BinaryKind;
  readonly #length: number;
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #filled = 0;

  /** A binary of `length` bytes. */
  constructor(kind: BinaryKind, length: number) {
    this.#kind = kind;
    this.#length = length;
  }

  get alone(): boolean {
    return false;
  }

  get value(): unknown {
    return this.#kind.make(this.#bytes!.buffer);
  }

  pieceAt(): number {
    return Math.min(binaryPiece, this.#length - this.#filled);
  }

  take(bytes: Uint8Array, start: number, end: number): boolean {
    const into = this.#bytes ??= new Uint8Array(unfilled(this.#length));
    into.set(bytes.subarray(start, end), this.#filled);
    this.#filled += end - start;
    return this.#filled === this.#length;
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

/** A bigint of sign and magnitude. Each operation on the whole of it is a piece of its own. */
export class LongBigint implements LongLeaf {
  value = 0n;
  #left: number;
  #negative: boolean | undefined;
  /** Parts in order, the most significant first. Invariant: each has more bits than the next. */
  readonly #parts: Digits[] = [];
  /** The upper of two parts that are joined, moved to its place. */
  #moved: bigint | undefined;

  /** A bigint of `length` bytes. */
  constructor(length: number) {
    this.#left = length;
  }

  get alone(): boolean {
    const last = this.#parts.at(-1);
    return last !== undefined && last.bits > 4 * aloneFrom && (this.#isDue() || this.#left === 0);
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
      return false;
    }
    if (start < end) this.#parts.push(readDigits(bytes, start, end));
    else if (this.#parts.length > 1) this.#join();
    else {
      this.value = -this.#parts[0]!.value;
      return true;
    }
    if (this.#left > 0 || this.#parts.length > 1 || this.#negative) return false;
    this.value = this.#parts[0]!.value;
    return true;
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
    const high = this.#parts.at(-2)!;
    const low = this.#parts.at(-1)!;
    if (this.#moved === undefined) {
      this.#moved = high.value << low.bits;
      return;
    }
    const joined = { value: this.#moved | low.value, bits: high.bits + low.bits };
    this.#moved = undefined;
    this.#parts.splice(-2, 2, joined);
  }
}

function readDigits(bytes: Uint8Array, start: number, end: number): Digits {
  return { value: readMagnitude(bytes, start, end), bits: BigInt(8 * (end - start)) };
}

/** The unsigned number in the bytes, big-endian: one pass of the engine's. */
export function readMagnitude(bytes: Uint8Array, start: number, end: number): bigint {
  return BigInt("0x" + bytes.subarray(start, end).toHex());
}
