import type { ChunkWriter } from "../../wire/chunks.ts";
import { release } from "../../wire/memory.ts";

/** Size of the segments of a busy connection: four messages of 64 KiB with their headers. */
export const segmentSize = 270_336;

/** How many buffers of that size a busy connection keeps for its next segments in any case. */
const minSpare = 4;

/** Largest memory of an idle connection: there may be thousands of them. */
export const idleSegmentSize = 65_536;

/** The first of a connection: most connections never have much to say. */
export const firstSegmentSize = 4_096;

/** A stretch of the frames that go out on one connection. */
export class Segment {
  readonly buffer: Uint8Array;
  /** Bytes of all segments before this one. */
  base: number;
  /** How much of the buffer is in use, and how much was written to the link. */
  filled = 0;
  taken = 0;
  /** Messages that were not yet written. */
  messages = 0;
  /** Whether one write takes one frame, as for a large message, or all there is. */
  readonly byFrame: boolean;
  /** Writes the frames that are not in the buffer yet; undefined: all are. */
  #pending: ChunkWriter | undefined;
  #isGiven = false;

  constructor(buffer: Uint8Array, base: number, byFrame = false) {
    this.buffer = buffer;
    this.base = base;
    this.byFrame = byFrame;
  }

  /** Its frames are written when they are taken. `given`: the payload belongs to nobody else. */
  fillLater(writer: ChunkWriter, given: boolean): void {
    this.#pending = writer;
    this.#isGiven = given;
  }

  /** Writes the frame at `taken`, unless it is in the buffer. */
  fillNext(): void {
    if (this.#pending !== undefined && this.#pending.at === this.taken) this.#fill(this.#pending);
  }

  /** Writes all frames. */
  fillAll(): void {
    while (this.#pending !== undefined) this.#fill(this.#pending);
  }

  #fill(writer: ChunkWriter): void {
    if (writer.next()) return;
    this.#pending = undefined;
    if (this.#isGiven) writer.release();
  }

  /** Bytes of all segments up to this one's end. */
  get end(): number {
    return this.base + this.filled;
  }
}

/**
 * Buffers of acknowledged segments, for the next ones of the same connection: a busy one fills
 * thousands a second, and fresh ones are zeroed by the system and collected as garbage. They are
 * never given to another connection, so that whatever a peer may acknowledge it sees only what is
 * for itself.
 *
 * Invariant: no more than `minSpare`, or than there are segments in use: a queue that has been long
 * at most doubles the memory that it takes.
 */
export class SpareBuffers {
  readonly #buffers: Uint8Array[] = [];

  /** Keeps an unused buffer for reuse, if it has the usual size; `inUse`: segments that have one. */
  put(buffer: Uint8Array, inUse: number): void {
    if (buffer.length !== segmentSize || this.#buffers.length >= Math.max(minSpare, inUse)) {
      return release(buffer);
    }
    this.#buffers.push(buffer);
  }

  /** Gives the memory of those back that are too many for so many segments in use. */
  trim(inUse: number): void {
    while (this.#buffers.length > Math.max(minSpare, inUse)) release(this.#buffers.pop()!);
  }

  /** A buffer of `size` bytes with undefined content. */
  take(length: number): Uint8Array {
    const spare = length === segmentSize ? this.#buffers.pop() : undefined;
    return spare ?? new Uint8Array(length);
  }

  /** Gives the memory of all of them back. */
  clear(): void {
    for (const buffer of this.#buffers) release(buffer);
    this.#buffers.length = 0;
  }
}
