import {
  CHUNK_OVERHEAD,
  chunkedSize,
  ChunkReader,
  ChunkWriter,
  type Whole,
} from "../../wire/chunks.ts";
import { compress, restored } from "../../wire/compression.ts";
import { type Codec, notNow } from "../../wire/codec.ts";
import { noRoom } from "../../wire/output.ts";
import {
  MAX_HEADER,
  NUMBER_BYTES,
  withPath,
  writeHeader,
  writeNumbered,
} from "../../wire/envelope.ts";
import { FrameType, HEADER_BYTES, LENGTH_BYTES } from "../../wire/frame.ts";
import { readUint32, writeFrameHeader } from "../../wire/frame_header.ts";
import { PathNumbers } from "../../wire/interned_paths.ts";
import { release, unfilled } from "../../wire/memory.ts";
import type { PeerSerializers } from "../../wire/serializer_registry.ts";
import {
  firstSegmentSize,
  idleSegmentSize,
  Segment,
  segmentSize,
  SpareBuffers,
} from "./segment.ts";

/** What is kept for one certificate over all of its connections. */
export interface ByteAccount {
  /** Bytes that wait for it, or that it has not acknowledged. */
  bytes: number;
  readonly maxBytes: number;
}

/**
 * Credit and keep-alive wait at most for one chunk, so chunks are smaller than the largest frame.
 */
const maxChunk = 262_144;

/** Up to this size a message is copied at once: larger ones are never compressed. */
const copiedSize = 524_288;

/** Longest path without a number that is written with its message. */
const shortPath = 24;
/** Room that is worth the attempt to write a message there. */
const leastRoom = HEADER_BYTES + MAX_HEADER + shortPath + 256;

const nothing = new Uint8Array(0);

/** Bounds of an {@linkcode Outbox}; see `TransportLimits`. */
export interface OutboxLimits {
  readonly maxFrame: number;
  readonly maxMessage: number;
  readonly maxQueuedMessages: number;
  readonly maxQueuedBytes: number;
  /** 0: no compression. */
  readonly compressAbove: number;
  readonly maxCompressionRatio: number;
  /** 0: no path gets a number. */
  readonly maxInternedPaths: number;
}

/** Receives a message that was taken. `written`: the far end may have read it. */
export type Unsent = (payload: Uint8Array, written: boolean) => void;

/**
 * What goes out to one peer on one lane, as frames and in order: what waits to be written, and what
 * was written and not yet acknowledged, so that both can be reported when the connection breaks. One
 * log, of which the front is released as the peer acknowledges; nothing in it ever moves.
 */
export class Outbox {
  #limits: OutboxLimits;
  #numbers: PathNumbers;
  #messages = 0;
  /** Bytes that were pushed, written and acknowledged since the beginning. */
  #pushed = 0;
  #written = 0;
  #acknowledged = 0;
  /** Oldest first; those before `#cursor` are written. */
  readonly #segments: Segment[] = [];
  #cursor = 0;
  #open: Segment | undefined;
  #nextSize = firstSegmentSize;
  readonly #spare = new SpareBuffers();
  /** Bytes of this and other outboxes for the same certificate; they are part of it until acknowledged. */
  #account: ByteAccount | undefined;
  /** The batch taken last, whose write may be in progress. */
  #taken: Segment | undefined;
  /** Whether a message is being encoded behind what is in the open segment. */
  #encoding = false;

  constructor(limits: OutboxLimits) {
    this.#limits = limits;
    this.#numbers = new PathNumbers(limits.maxInternedPaths);
  }

  /** Messages that wait to be written. */
  get messages(): number {
    return this.#messages;
  }

  /** Bytes that wait to be written, frame headers included. */
  get bytes(): number {
    return this.#pushed - this.#written;
  }

  /** Bytes that were written and not acknowledged. */
  get unacknowledged(): number {
    return this.#written - this.#acknowledged;
  }

  /** Whether the queue is at least half full. */
  get crowded(): boolean {
    const { maxQueuedMessages, maxQueuedBytes } = this.#limits;
    return this.#messages * 2 >= maxQueuedMessages || this.bytes * 2 >= maxQueuedBytes;
  }

  /** Sets the terms of the connection. To be called before the first message. */
  agree(limits: OutboxLimits): void {
    this.#limits = limits;
    this.#numbers = new PathNumbers(limits.maxInternedPaths);
  }

  /** Counts what is pushed from now on for an account, too. To be called before the first message. */
  chargeTo(account: ByteAccount): void {
    this.#account = account;
  }

  /**
   * Copies a message to the end of the queue, or returns the limit that forbids it. With `path`,
   * the payload is an envelope for that path, which may be replaced by its interned number. `given`:
   * its memory belongs to the queue if it is taken, which copies a large one when it is written.
   */
  push(
    payload: Uint8Array,
    path?: string,
    given = false,
  ): "queueFull" | "tooLarge" | undefined {
    const refused = this.#refusalOf(payload.length);
    if (refused !== undefined) return refused;
    const { maxFrame } = this.#limits;
    if (given && payload.length > copiedSize && payload.length + 1 > maxFrame) {
      return this.#appendChunks(FrameType.message, payload, true);
    }
    const full = this.#copy(payload, path);
    if (given && full === undefined) release(payload);
    return full;
  }

  /**
   * Encodes a message at the end of the queue, without a copy. False: it was not encoded, because that is
   * not possible now. Bytes: it was encoded, and did not fit: the envelope is to be pushed. `numbered`:
   * the path may be replaced by its number; `remaining` as in {@linkcode encodeEnvelope}.
   *
   * @throws {WireError} as {@linkcode Codec.encode}.
   */
  encode(
    codec: Codec,
    path: string,
    uid: number,
    message: unknown,
    numbered: boolean,
    peer: PeerSerializers | undefined,
    remaining: number | undefined,
  ): boolean | Uint8Array {
    const segment = this.#open;
    if (segment === undefined || this.#encoding || !Number.isSafeInteger(uid)) return false;
    const { buffer, filled } = segment;
    if (buffer.length - filled < leastRoom || this.#limits.compressAbove > 0) return false;
    const number = numbered ? this.#numbers.numberOf(path) : -1;
    // Most paths without a number get one.
    if (number < 0 && (numbered || !isShortAscii(path))) return false;
    const start = filled + HEADER_BYTES;
    const at = writeHeader(buffer, start, path, number, uid, remaining);
    let end: number;
    this.#encoding = true;
    try {
      end = codec.encodeIn(buffer, start, at, message, peer);
    } finally {
      this.#encoding = false;
    }
    if (end === notNow) return false;
    const elsewhere = end === noRoom ? codec.takeEncoded() : undefined;
    const length = elsewhere === undefined ? end - start : elsewhere.length;
    // A getter of the message may have sent another one, which then is in the next segment, or closed
    // the connection.
    const isNext = segment === this.#open && segment.filled === filled;
    if (isNext && this.#refusalOf(length) === undefined) {
      if (elsewhere !== undefined) {
        if (this.#append(FrameType.message, elsewhere) === undefined) {
          codec.releaseEncoded(elsewhere);
          return true;
        }
      } else if (length + 1 <= this.#limits.maxFrame) {
        writeFrameHeader(buffer, filled, FrameType.message, length);
        this.#added(segment, end);
        return true;
      }
    }
    const payload = elsewhere ?? buffer.subarray(start, end);
    return number < 0 ? payload.slice() : withPath(payload, this.#numbers);
  }

  #refusalOf(length: number): "queueFull" | "tooLarge" | undefined {
    const { maxMessage, maxQueuedBytes, maxQueuedMessages } = this.#limits;
    if (length > maxMessage) return "tooLarge";
    if (
      this.#messages >= maxQueuedMessages ||
      this.bytes + length + HEADER_BYTES > maxQueuedBytes
    ) return "queueFull";
    const account = this.#account;
    const isOver = account !== undefined && account.bytes + length > account.maxBytes;
    return isOver ? "queueFull" : undefined;
  }

  #copy(payload: Uint8Array, path: string | undefined): "queueFull" | undefined {
    const { length } = payload;
    const { maxFrame, compressAbove } = this.#limits;
    if (compressAbove > 0 && length > compressAbove) {
      const compressed = compress(payload, this.#limits.maxCompressionRatio);
      if (compressed !== undefined) return this.#append(FrameType.compressed, compressed);
    }
    // The length field counts the type byte as well.
    if (path === undefined || length + NUMBER_BYTES + 1 > maxFrame) {
      return this.#append(FrameType.message, payload);
    }
    this.#appendNumbered(payload, path);
    return undefined;
  }

  /**
   * Takes the batch of the next write, empty if the queue is empty. Its bytes do not change until
   * `acknowledge`.
   */
  take(): Uint8Array {
    const segment = this.#segments[this.#cursor];
    if (segment === undefined || segment.taken === segment.filled) return nothing;
    const from = segment.taken;
    segment.fillNext();
    const to = segment.byFrame ? frameEnd(segment.buffer, from) : segment.filled;
    segment.taken = to;
    this.#taken = segment;
    this.#written += to - from;
    if (to === segment.filled) {
      this.#messages -= segment.messages;
      segment.messages = 0;
      if (segment !== this.#open) this.#cursor++;
    }
    return segment.buffer.subarray(from, to);
  }

  /** The write of the taken batch has ended: the link no longer reads its memory. */
  wrote(): void {
    this.#taken = undefined;
  }

  /** The peer has read `total` bytes in all. False: the number is impossible. */
  acknowledge(total: number): boolean {
    // Invariant: acked never falls, and acked <= written.
    if (!(total >= this.#acknowledged && total <= this.#written)) return false;
    if (this.#account !== undefined) this.#account.bytes -= total - this.#acknowledged;
    this.#acknowledged = total;
    const segments = this.#segments;
    while (this.#cursor > 0 && segments[0]!.end <= total) {
      const segment = segments.shift()!;
      // A premature acknowledgement must not let a segment be reused while its write is in
      // progress.
      if (segment !== this.#taken) {
        if (segment.byFrame) release(segment.buffer);
        else this.#spare.put(segment.buffer, segments.length);
      }
      this.#cursor--;
    }
    this.#spare.trim(segments.length);
    if (total === this.#pushed && this.#open !== undefined) this.#restart(this.#open);
    return true;
  }

  /**
   * Passes all unacknowledged messages to `each`, in order, and empties the queue. Payloads may be
   * kept.
   */
  drain(each: Unsent): void {
    const segments = this.#segments.splice(0);
    const chunks = new ChunkReader(Infinity);
    this.#spare.clear();
    this.#cursor = 0;
    this.#open = undefined;
    this.#messages = 0;
    const written = this.#written;
    if (this.#account !== undefined) this.#account.bytes -= this.#pushed - this.#acknowledged;
    this.#account = undefined;
    this.#written = this.#pushed;
    for (const segment of segments) {
      segment.fillAll();
      const { buffer, base, filled } = segment;
      for (let at = 0; at < filled;) {
        const end = frameEnd(buffer, at);
        const isChunk = buffer[at + 4] === FrameType.chunk;
        const whole = isChunk
          ? joined(chunks.push(buffer, at + HEADER_BYTES, end))
          : { type: buffer[at + 4]!, bytes: buffer.subarray(at + HEADER_BYTES, end) };
        at = end;
        if (whole !== undefined && base + end > this.#acknowledged) {
          each(this.#restore(whole.type, whole.bytes), base + end <= written);
        }
      }
    }
    this.#acknowledged = this.#pushed;
  }

  #restore(type: number, bytes: Uint8Array): Uint8Array {
    if (type !== FrameType.compressed) {
      return this.#numbers.size === 0 ? bytes : withPath(bytes, this.#numbers);
    }
    return restored(bytes);
  }

  #append(type: number, payload: Uint8Array): "queueFull" | undefined {
    if (payload.length + 1 > this.#limits.maxFrame) return this.#appendChunks(type, payload);
    const segment = this.#room(payload.length + HEADER_BYTES);
    const at = writeFrameHeader(segment.buffer, segment.filled, type, payload.length);
    segment.buffer.set(payload, at);
    this.#added(segment, at + payload.length);
    return undefined;
  }

  #appendNumbered(payload: Uint8Array, path: string): void {
    let number = this.#numbers.numberOf(path);
    const isNew = number < 0 && this.#numbers.isWorthOne(path);
    if (isNew) number = this.#numbers.add(path);
    if (number < 0) return void this.#append(FrameType.message, payload);
    const segment = this.#room(payload.length + NUMBER_BYTES + HEADER_BYTES);
    const { buffer, filled } = segment;
    const end = writeNumbered(buffer, filled + HEADER_BYTES, payload, number, isNew);
    writeFrameHeader(buffer, filled, FrameType.message, end - filled - HEADER_BYTES);
    this.#added(segment, end);
  }

  /** A separate segment, released when the whole message is acknowledged. */
  #appendChunks(
    type: number,
    payload: Uint8Array,
    given = false,
  ): "queueFull" | undefined {
    const chunk = Math.max(1, Math.min(maxChunk, this.#limits.maxFrame - CHUNK_OVERHEAD));
    const size = chunkedSize(payload.length, chunk);
    if (this.bytes + size > this.#limits.maxQueuedBytes) return "queueFull";
    // All of it is written before it is taken.
    const segment = new Segment(new Uint8Array(unfilled(size)), this.#pushed, true);
    this.#add(segment);
    segment.fillLater(new ChunkWriter(segment.buffer, 0, type, payload, chunk), given);
    // Others use its memory for the next message.
    if (!given) segment.fillAll();
    this.#added(segment, size);
    return undefined;
  }

  #room(size: number): Segment {
    const open = this.#open;
    const hasRoom = open !== undefined && open.filled + size <= open.buffer.length;
    // What is being encoded there does not move.
    if (hasRoom && !this.#encoding) return open;
    const length = Math.max(size, this.#nextSize);
    const segment = new Segment(this.#spare.take(length), this.#pushed);
    this.#nextSize = Math.min(segmentSize, this.#nextSize * 2);
    this.#add(segment);
    this.#open = segment;
    return segment;
  }

  #add(segment: Segment): void {
    const open = this.#open;
    this.#open = undefined;
    // The cursor stays at an open segment, to which more may be appended.
    if (open !== undefined && open.taken === open.filled) this.#cursor++;
    this.#segments.push(segment);
  }

  #added(segment: Segment, filled: number): void {
    const added = filled - segment.filled;
    if (this.#account !== undefined) this.#account.bytes += added;
    this.#pushed += added;
    segment.filled = filled;
    segment.messages++;
    this.#messages++;
  }

  /** Everything is acknowledged: reuses the segment, or starts a smaller one. */
  #restart(open: Segment): void {
    this.#spare.clear();
    const { length } = open.buffer;
    const tooLarge = length > idleSegmentSize;
    if (tooLarge || (length > firstSegmentSize && open.filled * 4 < length)) {
      // The codec may still have a view of it.
      if (open !== this.#taken && !this.#encoding) release(open.buffer);
      this.#segments.length = 0;
      this.#cursor = 0;
      this.#open = undefined;
      this.#nextSize = tooLarge ? idleSegmentSize : firstSegmentSize;
      return;
    }
    open.base = this.#pushed;
    open.filled = 0;
    open.taken = 0;
  }
}

function joined(whole: Whole | undefined): Whole | undefined {
  whole?.step(Infinity);
  return whole;
}

function isShortAscii(path: string): boolean {
  if (path.length > shortPath) return false;
  for (let i = 0; i < path.length; i++) if (path.charCodeAt(i) >= 0x80) return false;
  return true;
}

function frameEnd(bytes: Uint8Array, at: number): number {
  return at + LENGTH_BYTES + readUint32(bytes, at);
}
