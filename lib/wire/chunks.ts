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
import { release, unfilled } from "./memory.ts";

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
  const writer = new ChunkWriter(out, at, innerType, payload, chunkSize);
  while (writer.next());
  return writer.at;
}

/** Writes them one by one: to copy 16 MiB at once would hold the event loop for some milliseconds. */
export class ChunkWriter {
  /** Where the next frame begins. */
  at: number;
  readonly #out: Uint8Array;
  readonly #innerType: number;
  readonly #payload: Uint8Array;
  readonly #chunkSize: number;
  #from = 0;

  /** `out` has room for {@linkcode chunkedSize} bytes behind `at`. */
  constructor(
    out: Uint8Array,
    at: number,
    innerType: number,
    payload: Uint8Array,
    chunkSize: number,
  ) {
    this.#out = out;
    this.at = at;
    this.#innerType = innerType;
    this.#payload = payload;
    this.#chunkSize = chunkSize;
  }

  /** Gives back the memory of the payload. Precondition: it belongs to nobody else. */
  release(): void {
    release(this.#payload);
  }

  /** Writes a frame; returns whether more follow. */
  next(): boolean {
    const payload = this.#payload;
    const out = this.#out;
    const from = this.#from;
    const to = Math.min(payload.length, from + this.#chunkSize);
    const isLast = to === payload.length;
    const head = from === 0 ? FIRST_HEAD : HEAD;
    const at = writeFrameHeader(out, this.at, FrameType.chunk, head + to - from);
    out[at] = (from === 0 ? FIRST : 0) | (isLast ? LAST : 0);
    if (from === 0) {
      out[at + 1] = this.#innerType;
      writeUint32(out, at + 2, payload.length);
    }
    out.set(payload.subarray(from, to), at + head);
    this.at = at + head + to - from;
    this.#from = to;
    return !isLast;
  }
}

/** Largest piece of memory for chunks that have arrived. */
const maxSegment = 1_048_576;

/**
 * A message whose chunks have all arrived. They are joined in steps, since one copy of 16 MiB would hold
 * the event loop for some milliseconds.
 */
export class Whole {
  /** Type of the frame that it would be. */
  readonly type: number;
  /** Its payload, in a separate buffer. Precondition: `done`. */
  readonly bytes: Uint8Array;
  readonly #segments: Uint8Array[];
  /** The first segment that is not copied, and its first byte. */
  #next = 0;
  #from = 0;
  #copied = 0;

  /** A message of `total` bytes, which the segments hold together. */
  constructor(type: number, total: number, segments: Uint8Array[]) {
    this.type = type;
    this.#segments = segments;
    const [only] = segments;
    const isJoined = segments.length <= 1;
    this.bytes = isJoined ? (only ?? nothing).subarray(0, total) : new Uint8Array(unfilled(total));
    if (isJoined) this.#copied = total;
  }

  /** Whether nothing is left to join. */
  get done(): boolean {
    return this.#copied === this.bytes.length;
  }

  /** Joins at most so many bytes more; returns how many. */
  step(most: number): number {
    const before = this.#copied;
    while (this.#copied < this.bytes.length && this.#copied - before < most) {
      const segment = this.#segments[this.#next]!;
      const room = this.bytes.length - this.#copied;
      const left = Math.min(most - (this.#copied - before), room);
      const end = Math.min(segment.length, this.#from + left);
      this.bytes.set(segment.subarray(this.#from, end), this.#copied);
      this.#copied += end - this.#from;
      this.#from = end;
      if (end < segment.length) continue;
      this.#segments[this.#next++] = nothing;
      release(segment);
      this.#from = 0;
    }
    return this.#copied - before;
  }
}

/**
 * Puts chunks together. Memory is taken for the bytes that arrive, at most twice as much as they are,
 * never for the total that a peer announces.
 */
export class ChunkReader {
  readonly #maxMessage: number;
  #type = 0;
  /** The total that was announced; -1 while no message is under way. */
  #total = -1;
  #segments: Uint8Array[] = [];
  /** Bytes that all segments have room for. */
  #capacity = 0;
  /** Room in the last of them. */
  #room = 0;
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
    return this.#capacity;
  }

  /**
   * Takes the payload of one chunk frame; returns the message, to be joined, with the last one.
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
    const whole = new Whole(this.#type, this.#total, this.#segments);
    this.#total = -1;
    this.#segments = [];
    this.#capacity = this.#filled = this.#room = 0;
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
    for (let at = from; at < end;) at = this.#put(bytes, at, end);
    this.#filled = filled;
  }

  /** Puts bytes into the last segment, or a new one; returns where the rest begins. */
  #put(bytes: Uint8Array, from: number, end: number): number {
    const filled = this.#capacity - this.#room;
    if (this.#room === 0) {
      const size = Math.min(maxSegment, Math.max(end - from, filled), this.#total - filled);
      this.#segments.push(new Uint8Array(unfilled(size)));
      this.#capacity += size;
      this.#room = size;
    }
    const segment = this.#segments.at(-1)!;
    const to = Math.min(end, from + this.#room);
    segment.set(bytes.subarray(from, to), segment.length - this.#room);
    this.#room -= to - from;
    return to;
  }
}
