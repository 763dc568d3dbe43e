import { frameTooLarge } from "./errors.ts";
import { HEADER_BYTES } from "./frame.ts";

/** First size of a buffer. */
const FIRST_BUFFER = 4_096;

/** A buffer up to this size is kept after a burst. */
const KEPT_BUFFER = 65_536;

const nothing = new Uint8Array(0);

/**
 * Collects frames into one buffer, so that many messages cost one write. Two buffers take turns:
 * one is being written to the socket while the other fills.
 */
export class FrameWriter {
  #maxFrame: number;
  #buffer: Uint8Array = nothing;
  #other: Uint8Array = nothing;
  #size = 0;

  /** `maxFrame`: largest frame that the peer accepts, in bytes (default 1 MiB). */
  constructor(maxFrame = 1_048_576) {
    this.#maxFrame = maxFrame;
  }

  /** Bytes that wait for `take`. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of memory that both buffers hold. */
  get capacity(): number {
    return this.#buffer.length + this.#other.length;
  }

  /** Changes the limit for frames that are appended from now on. */
  setMaxFrame(maxFrame: number): void {
    this.#maxFrame = maxFrame;
  }

  /**
   * Adds a frame with `payload[start]` to `payload[end - 1]`, which is copied.
   *
   * @throws {WireError} code `frameTooLarge`; nothing was added then.
   */
  append(type: number, payload: Uint8Array, start = 0, end: number = payload.length): void {
    const length = end - start + 1;
    if (length > this.#maxFrame) throw frameTooLarge(length, this.#maxFrame);
    const at = this.#size;
    const size = at + HEADER_BYTES - 1 + length;
    if (size > this.#buffer.length) this.#grow(size);
    const buffer = this.#buffer;
    buffer[at] = length >>> 24;
    buffer[at + 1] = length >>> 16;
    buffer[at + 2] = length >>> 8;
    buffer[at + 3] = length;
    buffer[at + 4] = type;
    if (end - start === payload.length) buffer.set(payload, at + HEADER_BYTES);
    else buffer.set(payload.subarray(start, end), at + HEADER_BYTES);
    this.#size = size;
  }

  /** Adds complete frames, which are copied. */
  appendFrames(frames: Uint8Array): void {
    const at = this.#size;
    const size = at + frames.length;
    if (size > this.#buffer.length) this.#grow(size);
    this.#buffer.set(frames, at);
    this.#size = size;
  }

  /**
   * Hands over all frames so far and starts the other buffer. The bytes stay unchanged until the
   * next `take` that hands over anything: call it only after the write of the last one is done.
   */
  take(): Uint8Array {
    const size = this.#size;
    if (size === 0) return nothing;
    const taken = this.#buffer;
    // A big buffer stays only while the traffic fills it.
    const keep = this.#other.length <= KEPT_BUFFER || size > KEPT_BUFFER;
    this.#buffer = keep ? this.#other : nothing;
    this.#other = taken;
    this.#size = 0;
    return taken.subarray(0, size);
  }

  #grow(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, FIRST_BUFFER, this.#buffer.length * 2));
    grown.set(this.#buffer.subarray(0, this.#size));
    this.#buffer = grown;
  }
}
