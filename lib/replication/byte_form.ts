/**
 * Bytes of what copies exchange besides the messages themselves: compact, the same at all nodes, and checked
 * when they are read.
 *
 * @module
 */
const utf8 = new TextEncoder();
const text = new TextDecoder("utf-8", { fatal: true });

/** Bytes that are being made. Reused: `take` gives a copy. */
export class ByteWriter {
  #bytes = new Uint8Array(1_024);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** How many there are. */
  get length(): number {
    return this.#length;
  }

  /** A number from 0 to 255. */
  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** A whole number from 0 to 2^53 - 1. */
  count(value: number): void {
    this.#reserve(8);
    let left = value;
    while (left >= 0x80) {
      this.#bytes[this.#length++] = (left % 0x80) | 0x80;
      left = Math.floor(left / 0x80);
    }
    this.#bytes[this.#length++] = left;
  }

  /** Any number. */
  number(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value);
    this.#length += 8;
  }

  /** Bytes, with their length. */
  bytes(value: Uint8Array): void {
    this.count(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** A text. */
  text(value: string): void {
    this.bytes(utf8.encode(value));
  }

  /** A copy of all; the next value begins anew. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    // What was large once need not be so for ever.
    if (this.#bytes.length > 1_048_576) {
      this.#bytes = new Uint8Array(1_024);
      this.#view = new DataView(this.#bytes.buffer);
    }
    return taken;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const bytes = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + more));
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

/** Reads what a {@linkcode ByteWriter} has made. Throws a `RangeError` where it has not. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Whether all was read. */
  get ended(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** See `ByteWriter`. */
  byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) throw new RangeError("the bytes end too early");
    return value;
  }

  /** See `ByteWriter`. */
  count(): number {
    let value = 0;
    let factor = 1;
    for (let read = 0; read < 8; read++) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) {
        if (Number.isSafeInteger(value)) return value;
        break;
      }
      factor *= 0x80;
    }
    throw new RangeError("a number is too large");
  }

  /** See `ByteWriter`. */
  number(): number {
    if (this.#at + 8 > this.#bytes.length) throw new RangeError("the bytes end too early");
    const value = this.#view.getFloat64(this.#at);
    this.#at += 8;
    return value;
  }

  /** A part of the bytes, not a copy. */
  bytes(): Uint8Array {
    const length = this.count();
    if (this.#at + length > this.#bytes.length) throw new RangeError("the bytes end too early");
    return this.#bytes.subarray(this.#at, this.#at += length);
  }

  /** See `ByteWriter`. */
  text(): string {
    return text.decode(this.bytes());
  }

  /** How many values follow, each of at least one byte. */
  length(): number {
    const length = this.count();
    if (length > this.#bytes.length - this.#at) throw new RangeError("the bytes end too early");
    return length;
  }
}
