import { frameTooLarge, WireError } from "./errors.ts";
import { HEADER_BYTES, LENGTH_BYTES } from "./frame.ts";
import { copyOf, unfilled } from "./memory.ts";

/**
 * Receives one frame: its payload is `bytes[start]` to `bytes[end - 1]`. `kept`: the bytes stay as they
 * are after the call, and nothing else uses them.
 */
export type FrameHandler = (
  type: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  kept: boolean,
) => void;

/** A buffer for unfinished frames up to this size is kept for the next one. */
const KEPT_BUFFER = 65_536;

const nothing = new Uint8Array(0);

/**
 * Cuts a stream of chunks into frames. Frames that arrived whole are handed over as a range of
 * the chunk, without a copy; only an unfinished frame at the end of a chunk is copied. Its buffer
 * grows with the bytes that arrive, never with the length that a peer announces.
 *
 * The bytes of a frame are valid only during the call of the handler, unless they are `kept`.
 */
export class FrameReader {
  readonly #onFrame: FrameHandler;
  #maxFrame: number;
  #buffer: Uint8Array = nothing;
  /** Bytes of the unfinished frame in `#buffer`, its header included. */
  #filled = 0;
  /** Length field of the unfinished frame, or -1 while it is not complete. */
  #length = -1;
  #stopped = false;
  #running = false;
  #halted = false;
  /** Chunks that are not read yet, or not to the end. */
  readonly #backlog: Uint8Array[] = [];
  /** Bytes of them. */
  #waiting = 0;

  /** `maxFrame`: largest frame in bytes (type and payload). */
  constructor(maxFrame: number, onFrame: FrameHandler) {
    this.#maxFrame = maxFrame;
    this.#onFrame = onFrame;
  }

  /** Bytes of an unfinished frame; above 0 at close: the stream was cut. */
  get pendingBytes(): number {
    return this.#filled;
  }

  /** Bytes of memory that the unfinished frame and what waits behind a halt take. */
  get held(): number {
    return this.#buffer.length + this.#waiting;
  }

  /** Whether no more frames come out, because of `stop()` or an error. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Changes the limit for frames whose length field has not been read yet. */
  setMaxFrame(maxFrame: number): void {
    this.#maxFrame = maxFrame;
  }

  /** Whether frames wait for {@linkcode FrameReader.proceed}. */
  get halted(): boolean {
    return this.#halted;
  }

  /** Hands over no more frames after the present one: what arrives is kept. */
  halt(): void {
    this.#halted = true;
  }

  /**
   * Goes on after `halt`, with what was kept.
   *
   * @throws {WireError} as {@linkcode FrameReader.push}.
   */
  proceed(): void {
    this.#halted = false;
    while (!this.#halted && !this.#stopped) {
      const chunk = this.#backlog.shift();
      if (chunk === undefined) return;
      this.#waiting -= chunk.length;
      this.#read(chunk, true);
    }
  }

  /** Ends reading permanently: the rest of this chunk and all later ones are dropped. */
  stop(): void {
    this.#stopped = true;
    this.#backlog.length = 0;
    this.#waiting = 0;
    this.#filled = 0;
    this.#length = -1;
    this.#buffer = nothing;
  }

  /**
   * Takes the next chunk and calls the handler for each frame that it completes. After an error,
   * its own or one that the handler threw, the reader is stopped.
   *
   * @throws {WireError} code `frameTooLarge`, `emptyFrame` or `reentrant`.
   */
  push(chunk: Uint8Array): void {
    if (this.#stopped) return;
    if (this.#halted) {
      this.#waiting += chunk.length;
      return void this.#backlog.push(copyOf(chunk, 0, chunk.length));
    }
    this.#read(chunk, false);
  }

  /** `kept`: the chunk does not change after the call. */
  #read(chunk: Uint8Array, kept: boolean): void {
    if (this.#running) {
      throw new WireError("reentrant", "a frame handler fed its own frame reader", {
        remedy: "deliver data in a later turn",
      });
    }
    this.#running = true;
    let completed = false;
    try {
      const at = this.#parse(chunk, this.#filled > 0 ? this.#finishPending(chunk) : 0);
      if (this.#halted && !this.#stopped && at < chunk.length) {
        this.#waiting += chunk.length - at;
        this.#backlog.unshift(kept ? chunk.subarray(at) : copyOf(chunk, at, chunk.length));
      }
      completed = true;
    } finally {
      this.#running = false;
      if (!completed) this.stop();
    }
  }

  /** Returns where the part begins that is not read. */
  #parse(chunk: Uint8Array, from: number): number {
    const size = chunk.length;
    let at = from;
    while (!this.#stopped && !this.#halted && size - at >= LENGTH_BYTES) {
      const length = readLength(chunk, at);
      this.#check(length);
      const end = at + LENGTH_BYTES + length;
      if (end > size) {
        this.#length = length;
        break;
      }
      this.#onFrame(chunk[at + LENGTH_BYTES]!, chunk, at + HEADER_BYTES, end, false);
      at = end;
    }
    if (this.#halted || this.#stopped) return at;
    if (at < size) this.#append(chunk, at, size);
    return size;
  }

  /** Adds to the unfinished frame, delivers it when whole; returns where the next one starts. */
  #finishPending(chunk: Uint8Array): number {
    let at = 0;
    if (this.#length < 0) {
      at = Math.min(LENGTH_BYTES - this.#filled, chunk.length);
      this.#append(chunk, 0, at);
      if (this.#filled < LENGTH_BYTES) return at;
      const length = readLength(this.#buffer, 0);
      this.#check(length);
      this.#length = length;
    }
    const whole = LENGTH_BYTES + this.#length;
    const end = Math.min(at + whole - this.#filled, chunk.length);
    this.#append(chunk, at, end);
    if (this.#filled < whole) return end;
    const buffer = this.#buffer;
    this.#filled = 0;
    this.#length = -1;
    const givenAway = buffer.length > KEPT_BUFFER;
    if (givenAway) this.#buffer = nothing;
    this.#onFrame(buffer[LENGTH_BYTES]!, buffer, HEADER_BYTES, whole, givenAway);
    return end;
  }

  #append(chunk: Uint8Array, start: number, end: number): void {
    const filled = this.#filled + end - start;
    if (filled > this.#buffer.length) this.#grow(filled);
    if (end - start === chunk.length) this.#buffer.set(chunk, this.#filled);
    else this.#buffer.set(chunk.subarray(start, end), this.#filled);
    this.#filled = filled;
  }

  #grow(needed: number): void {
    const whole = this.#length < 0 ? HEADER_BYTES : LENGTH_BYTES + this.#length;
    // Doubling keeps the copies linear; the frame's end is as far as it ever has to go.
    const capacity = Math.max(needed, Math.min(whole, Math.max(256, this.#buffer.length * 2)));
    const grown = new Uint8Array(unfilled(capacity));
    grown.set(this.#buffer.subarray(0, this.#filled));
    this.#buffer = grown;
  }

  #check(length: number): void {
    if (length > this.#maxFrame) throw frameTooLarge(length, this.#maxFrame);
    if (length === 0) {
      throw new WireError("emptyFrame", "a frame announces 0 bytes, not even its type", {
        value: length,
        remedy: "check that the peer speaks Casty's protocol",
      });
    }
  }
}

function readLength(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>>
    0;
}
