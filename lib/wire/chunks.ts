/**
 * Messages that are larger than a frame, as several frames of the type `chunk`.
 *
 * ```text
 * first chunk                            others
 * +-------+------------+-------+------+  +-------+------+
 * | flags | inner type | total | data |  | flags | data |
 * | u8    | u8         | u32   |      |  | u8    |      |
 * +-------+------------+-------+------+  +-------+------+
 * ```
 *
 * Flag 1 marks the first chunk, flag 2 the last. `total` is the size of the whole, big-endian;
 * `inner type` is the type of the frame that the whole would be. The chunks of one message follow
 * each other; only frames that are not messages may come in between.
 *
 * @module
 */
import { malformed, tooLarge } from "./errors.ts";
import { FrameType, HEADER_BYTES } from "./frame.ts";
import { readUint32, writeFrameHeader, writeUint32 } from "./frame_header.ts";
import { unfilled } from "./memory.ts";

/** Marks the first chunk of a message. */
const FIRST = 1;
/** Marks the last chunk of a message. */
const LAST = 2;

/** Bytes before the data of a first chunk, and of others. */
const FIRST_HEAD = 6;
const HEAD = 1;

/** Bytes that a frame of `chunkSize` bytes of data needs for all but the data, at most. */
export const CHUNK_OVERHEAD: number = HEADER_BYTES + FIRST_HEAD;

const nothing = new Uint8Array(0);

/** How many bytes {@linkcode writeChunks} writes. */
export function chunkedSize(size: number, chunkSize: number): number {
  const chunks = Math.max(1, Math.ceil(size / chunkSize));
  return size + chunks * (HEADER_BYTES + HEAD) + FIRST_HEAD - HEAD;
}

/** Writes a payload as frames with `chunkSize` bytes of data each; returns where they end. */
export function writeChunks(
  out: Uint8Array,
  at: number,
  innerType: number,
  payload: Uint8Array,
  chunkSize: number,
): number {
  let from = 0;
  do {
    const to = Math.min(payload.length, from + chunkSize);
    const first = from === 0;
    const head = first ? FIRST_HEAD : HEAD;
    at = writeFrameHeader(out, at, FrameType.chunk, head + to - from);
    out[at] = (first ? FIRST : 0) | (to === payload.length ? LAST : 0);
    if (first) {
      out[at + 1] = innerType;
      writeUint32(out, at + 2, payload.length);
    }
    out.set(payload.subarray(from, to), at + head);
    at += head + to - from;
    from = to;
  } while (from < payload.length);
  return at;
}

/** A reassembled message. */
export interface Whole {
  /** Type of the frame that it would be. */
  readonly type: number;
  /** Its payload, in a separate buffer. */
  readonly bytes: Uint8Array;
}

/**
 * Puts chunks together. The buffer grows with the bytes that arrive, at most twice as large as
 * they are, never with the total that a peer announces.
 */
export class ChunkReader {
  readonly #maxMessage: number;
  #type = 0;
  /** The total that was announced; -1 while no message is under way. */
  #total = -1;
  #buffer: Uint8Array = nothing;
  #filled = 0;

  /** `maxMessage`: largest message in bytes. */
  constructor(maxMessage: number) {
    this.#maxMessage = maxMessage;
  }

  /** Whether chunks of a message are missing. */
  get busy(): boolean {
    return this.#total >= 0;
  }

  /** Bytes of memory that the message under way takes. */
  get capacity(): number {
    return this.#buffer.length;
  }

  /**
   * Takes the payload of one chunk frame; returns the message with the last one.
   *
   * @throws {WireError} code `malformed` or `tooLarge`.
   */
  push(bytes: Uint8Array, start: number, end: number): Whole | undefined {
    if (start === end) throw malformed("a chunk is empty");
    const flags = bytes[start]!;
    if (flags > (FIRST | LAST)) throw malformed("a chunk has reserved flags", flags);
    const first = (flags & FIRST) !== 0;
    if (first === this.busy) {
      throw malformed(first ? "a message begins within another" : "a chunk belongs to no message");
    }
    if (first) this.#begin(bytes, start, end);
    this.#append(bytes, start + (first ? FIRST_HEAD : HEAD), end);
    if ((flags & LAST) === 0) return undefined;
    if (this.#filled !== this.#total) {
      throw malformed(`${this.#filled} bytes of ${this.#total} that were announced`);
    }
    const whole = { type: this.#type, bytes: this.#buffer.subarray(0, this.#filled) };
    this.#total = -1;
    this.#buffer = nothing;
    this.#filled = 0;
    return whole;
  }

  #begin(bytes: Uint8Array, start: number, end: number): void {
    if (end - start < FIRST_HEAD) throw malformed("a first chunk is cut short");
    const type = bytes[start + 1]!;
    if (type !== FrameType.message && type !== FrameType.compressed) {
      throw malformed("chunks of a frame that has none", type);
    }
    const total = readUint32(bytes, start + 2);
    if (total > this.#maxMessage) {
      throw tooLarge("a message", total, "bytes", "maxMessage", this.#maxMessage);
    }
    this.#type = type;
    this.#total = total;
  }

  #append(bytes: Uint8Array, from: number, end: number): void {
    const filled = this.#filled + end - from;
    if (filled > this.#total) throw malformed(`more bytes than the ${this.#total} announced`);
    // Empty chunks would never complete the message.
    if (from === end && this.#total > 0) throw malformed("a chunk without data");
    if (filled > this.#buffer.length) {
      const grown = new Uint8Array(
        unfilled(Math.min(this.#total, Math.max(filled, 2 * this.#buffer.length))),
      );
      grown.set(this.#buffer.subarray(0, this.#filled));
      this.#buffer = grown;
    }
    this.#buffer.set(bytes.subarray(from, end), this.#filled);
    this.#filled = filled;
  }
}
