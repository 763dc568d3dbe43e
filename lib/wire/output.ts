import { tooLarge } from "./errors.ts";
import type { WireLimits } from "./limits.ts";
import { release, unfilled } from "./memory.ts";
import { encodeText, SHORT_TEXT, utf8Length } from "./text.ts";

/** A message has gone on in the own buffer, as the lent one had no room for it. */
export const noRoom = -1;

/** First size of the buffer, and the size to which it goes back after a large message. */
const FIRST_BUFFER = 4_096;
/** A buffer that grew beyond this is replaced, so that one big message is not for ever. */
export const KEPT_BUFFER = 1_048_576;
/** Largest number of bytes reserved beyond the need. */
const SLACK = 16_384;
/** Up to this many units a text is encoded before it is known how many bytes it takes. */
const MEDIUM_TEXT = 4_096;

/** One growing buffer, and the forms of msgpack that are written into it. */
export class Output {
  /** The buffer. It changes when it grows: read it again after each `reserve`. */
  bytes: Uint8Array = new Uint8Array(FIRST_BUFFER);
  /** Where the next byte goes. */
  at = 0;
  #view: DataView = new DataView(this.bytes.buffer);
  /** Where the message begins: not at 0 in a lent buffer. */
  #start = 0;
  #own: Uint8Array = this.bytes;
  #ownView: DataView = this.#view;
  /** The buffer that was lent last, and its view: the next messages mostly go there as well. */
  #lent: Uint8Array | undefined;
  #lentView: DataView | undefined;
  readonly #maxMessage: number;

  /** `maxMessage`: largest message in bytes. */
  constructor({ maxMessage }: WireLimits) {
    this.#maxMessage = maxMessage;
  }

  /** Starts a message behind `headroom` bytes. */
  begin(headroom: number): void {
    this.bytes = this.#own;
    this.#view = this.#ownView;
    this.#start = 0;
    this.at = 0;
    this.reserve(headroom);
    this.at = headroom;
  }

  /**
   * Starts a message that begins at `start` in a buffer of somebody else, which holds its first bytes
   * already, up to `at`. If the buffer has no room for the rest, the message goes on in the own one.
   */
  beginIn(buffer: Uint8Array, start: number, at: number): void {
    if (buffer !== this.#lent) {
      this.#lent = buffer;
      this.#lentView = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    }
    this.bytes = buffer;
    this.#view = this.#lentView!;
    this.#start = start;
    this.at = at;
  }

  /** How many bytes of the message there are. */
  get size(): number {
    return this.at - this.#start;
  }

  /** Takes back what was written behind its first `size` bytes. */
  rewind(size: number): void {
    this.at = this.#start + size;
  }

  /** Where the message ends in the lent `buffer`, or {@linkcode noRoom}. */
  endIn(buffer: Uint8Array): number {
    return this.bytes === buffer ? this.at : noRoom;
  }

  /** The message with its headroom. A large buffer of its own is given away with it. */
  finish(): Uint8Array {
    const { bytes } = this;
    const message = bytes.subarray(this.#start, this.at);
    if (bytes.length > KEPT_BUFFER && bytes === this.#own) this.#use(new Uint8Array(FIRST_BUFFER));
    return message;
  }

  /**
   * Makes room for `size` bytes.
   *
   * @throws {WireError} code `tooLarge`.
   */
  reserve(size: number): void {
    if (this.at + size > this.bytes.length) this.#grow(this.at + size);
  }

  /** Writes one byte, for which there is room. */
  byte(value: number): void {
    this.bytes[this.at++] = value;
  }

  /** Writes a number other than -0, in msgpack's shortest form that keeps it. */
  number(value: number): void {
    this.reserve(9);
    const { bytes } = this;
    if (Number.isSafeInteger(value)) {
      if (value >= 0) {
        if (value < 0x80) bytes[this.at++] = value;
        else if (value < 0x100) this.#head1(0xcc, value);
        else if (value < 0x1_0000) this.#head2(0xcd, value);
        else if (value < 0x1_0000_0000) this.#head4(0xce, value);
        else this.#wide(0xcf, value);
      } else if (value >= -0x20) bytes[this.at++] = value;
      else if (value >= -0x80) this.#head1(0xd0, value);
      else if (value >= -0x8000) this.#head2(0xd1, value);
      else if (value >= -0x8000_0000) this.#head4(0xd2, value);
      else this.#wide(0xd3, value);
      return;
    }
    bytes[this.at] = 0xcb;
    this.#view.setFloat64(this.at + 1, value);
    this.at += 9;
  }

  /** Writes 8 bytes, for which there is room: a float64, big-endian. */
  float64(value: number): void {
    this.#view.setFloat64(this.at, value);
    this.at += 8;
  }

  /** Writes 8 bytes, for which there is room: a 64-bit integer in two's complement, big-endian. */
  int64(value: bigint): void {
    this.#view.setBigInt64(this.at, value);
    this.at += 8;
  }

  /** Begins an array with this number of elements. */
  array(length: number): void {
    this.reserve(5);
    if (length < 16) this.bytes[this.at++] = 0x90 | length;
    else if (length < 0x1_0000) this.#head2(0xdc, length);
    else this.#head4(0xdd, length);
  }

  /** Begins an object with this number of entries. */
  map(size: number): void {
    this.reserve(5);
    if (size < 16) this.bytes[this.at++] = 0x80 | size;
    else if (size < 0x1_0000) this.#head2(0xde, size);
    else this.#head4(0xdf, size);
  }

  /** Begins an extension and makes room for its payload of `size` bytes. */
  extension(type: number, size: number): void {
    this.reserve(size + 6);
    const { bytes } = this;
    if (size <= 16 && size > 0 && (size & (size - 1)) === 0) {
      bytes[this.at++] = 0xd4 + (31 - Math.clz32(size));
    } else if (size < 0x100) this.#head1(0xc7, size);
    else if (size < 0x1_0000) this.#head2(0xc8, size);
    else this.#head4(0xc9, size);
    bytes[this.at++] = type;
  }

  /** Writes `payload`, for which there is room. */
  raw(payload: Uint8Array): void {
    this.bytes.set(payload, this.at);
    this.at += payload.length;
  }

  /**
   * Writes text of at most `SHORT_TEXT` units if all of it is ASCII; otherwise writes nothing and
   * returns false.
   */
  asciiString(text: string): boolean {
    const { length } = text;
    this.reserve(length + 5);
    const { bytes, at } = this;
    let to = at + 1;
    if (length < 32) {
      bytes[at] = 0xa0 | length;
    } else {
      bytes[at] = 0xd9;
      bytes[to++] = length;
    }
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) return false;
      bytes[to++] = unit;
    }
    this.at = to;
    return true;
  }

  /** Does the same without a header; there is room. */
  ascii(text: string): boolean {
    const { bytes, at } = this;
    const { length } = text;
    if (length > SHORT_TEXT) {
      // As many bytes as units: whatever is not ASCII does not fit.
      const { read, written } = encodeText(text, bytes, at, length);
      if (read !== length || written !== length) return false;
    } else {
      for (let i = 0; i < length; i++) {
        const unit = text.charCodeAt(i);
        if (unit >= 0x80) return false;
        bytes[at + i] = unit;
      }
    }
    this.at = at + length;
    return true;
  }

  /** Writes well-formed text of at most `maximum` bytes; returns its bytes. More: none is written. */
  wellFormedString(text: string, maximum: number): number {
    const { length } = text;
    if (length <= MEDIUM_TEXT) return this.#mediumString(text);
    const size = utf8Length(text);
    if (size > maximum) return size;
    this.reserve(size + 5);
    this.#textHead(size);
    this.wellFormed(text, size);
    return size;
  }

  #mediumString(text: string): number {
    const { length } = text;
    this.reserve(3 * length + 5);
    const { bytes, at } = this;
    const begin = at + headSize(length);
    const { written } = encodeText(text, bytes, begin, 3 * length);
    const from = at + headSize(written);
    if (from !== begin) bytes.copyWithin(from, begin, begin + written);
    this.#textHead(written);
    this.at = from + written;
    return written;
  }

  /** Writes well-formed text of `size` bytes without a header; there is room. */
  wellFormed(text: string, size: number): void {
    encodeText(text, this.bytes, this.at, size);
    this.at += size;
  }

  /** Bytes of text in UTF-8. */
  sizeOf(text: string): number {
    return utf8Length(text);
  }

  #textHead(size: number): void {
    if (size < 32) this.bytes[this.at++] = 0xa0 | size;
    else if (size < 0x100) this.#head1(0xd9, size);
    else if (size < 0x1_0000) this.#head2(0xda, size);
    else this.#head4(0xdb, size);
  }

  #head1(head: number, value: number): void {
    const { bytes, at } = this;
    bytes[at] = head;
    bytes[at + 1] = value;
    this.at = at + 2;
  }

  #head2(head: number, value: number): void {
    const { bytes, at } = this;
    bytes[at] = head;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value;
    this.at = at + 3;
  }

  #head4(head: number, value: number): void {
    const { bytes, at } = this;
    bytes[at] = head;
    bytes[at + 1] = value >>> 24;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 8;
    bytes[at + 4] = value;
    this.at = at + 5;
  }

  #wide(head: number, value: number): void {
    this.bytes[this.at] = head;
    this.#view.setInt32(this.at + 1, Math.floor(value / 0x1_0000_0000));
    this.#view.setUint32(this.at + 5, value >>> 0);
    this.at += 9;
  }

  #grow(end: number): void {
    const needed = end - this.#start;
    if (needed > this.#maxMessage + SLACK) {
      throw tooLarge("a message", needed, "bytes or more", "maxMessage", this.#maxMessage);
    }
    const own = this.#own;
    const message = this.bytes.subarray(this.#start, this.at);
    if (needed > own.length) {
      this.#use(new Uint8Array(unfilled(Math.max(needed, 2 * own.length))));
    } else {
      this.bytes = own;
      this.#view = this.#ownView;
    }
    this.bytes.set(message);
    this.#start = 0;
    this.at = message.length;
    if (own !== this.bytes) release(own);
  }

  #use(bytes: Uint8Array): void {
    this.bytes = this.#own = bytes;
    this.#view = this.#ownView = new DataView(bytes.buffer);
  }
}

/** Bytes of the header of a text of `size` bytes. */
function headSize(size: number): number {
  if (size < 32) return 1;
  return size < 0x100 ? 2 : size < 0x1_0000 ? 3 : 5;
}
