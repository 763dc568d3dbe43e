import { ChunkReader } from "../../wire/chunks.ts";
import { type CompressionLimits, decompress } from "../../wire/compression.ts";
import { malformed } from "../../wire/errors.ts";
import { FrameType, HEADER_BYTES } from "../../wire/frame.ts";
import { NumberedPaths } from "../../wire/interned_paths.ts";
import type { LongRead, ReadTurns } from "./read_turns.ts";

/** Most bytes that are read before they are acknowledged at once, whatever the window is. */
const maxUnacknowledged = 262_144;

/** Bounds of an {@linkcode Inbox}; see `TransportLimits`. */
export interface InboxLimits extends CompressionLimits {
  readonly window: number;
  readonly maxInternedPaths: number;
  readonly acceptCompressed: boolean;
}

/**
 * Receives a message; returns the values that were decoded, or how to read on. The bytes are valid
 * during the call only, unless they are `kept`.
 */
export type OnMessage = (
  bytes: Uint8Array,
  start: number,
  end: number,
  kept: boolean,
) => number | LongRead | void;

/** Turns frames into messages, and counts the bytes to acknowledge. */
export class Inbox {
  /** The actor paths that the peer has replaced by numbers. */
  readonly paths: NumberedPaths;
  readonly #limits: InboxLimits;
  readonly #turns: ReadTurns;
  readonly #onMessage: OnMessage;
  readonly #onPartial: ((bytes: number) => void) | undefined;
  readonly #chunks: ChunkReader;
  #consumed = 0;
  #credited = 0;
  /** The message that is being read, and bytes that count as read after it. */
  #long: LongRead | undefined;
  #longSize = 0;

  /** `onPartial` receives the number of buffered bytes of an unfinished message. */
  constructor(
    limits: InboxLimits,
    turns: ReadTurns,
    onMessage: OnMessage,
    onPartial?: (bytes: number) => void,
  ) {
    this.#onPartial = onPartial;
    this.#limits = limits;
    this.#turns = turns;
    this.#onMessage = onMessage;
    this.#chunks = new ChunkReader(limits.maxMessage);
    this.paths = new NumberedPaths(limits.maxInternedPaths);
  }

  /** Whether the read bytes must be acknowledged at once. */
  get creditDue(): boolean {
    const { window } = this.#limits;
    return this.#consumed - this.#credited >= Math.min(window / 4, maxUnacknowledged);
  }

  /** Whether a message is decoded in part. */
  get inMessage(): boolean {
    return this.#long !== undefined;
  }

  /** Whether something was read that is not acknowledged. */
  get creditOwed(): boolean {
    return this.#consumed > this.#credited;
  }

  /** All bytes that were read so far; the caller acknowledges them. */
  takeCredit(): number {
    this.#credited = this.#consumed;
    return this.#consumed;
  }

  /**
   * Takes a frame of the type `message`, `chunk` or `compressed`. False: no other may follow before
   * {@linkcode Inbox.proceed} has answered true. `kept`: nothing else uses the bytes afterwards.
   *
   * @throws {WireError} code `malformed` or `tooLarge`.
   */
  push(type: number, bytes: Uint8Array, start: number, end: number, kept = false): boolean {
    const size = end - start + HEADER_BYTES;
    if (type === FrameType.chunk) {
      const whole = this.#chunks.push(bytes, start, end);
      this.#onPartial?.(this.#chunks.capacity);
      if (whole === undefined) {
        this.#consumed += size;
        return true;
      }
      return this.#deliver(whole.type, whole.bytes, 0, whole.bytes.length, true, size);
    }
    if (this.#chunks.busy) throw malformed("a message arrives within the chunks of another");
    return this.#deliver(type, bytes, start, end, kept, size);
  }

  /** Reads on; answers as {@linkcode Inbox.push}. */
  proceed(): boolean {
    const long = this.#long;
    if (long === undefined) return true;
    const more = this.#turns.spend(long.step(), 0);
    if (!long.done) return false;
    this.#long = undefined;
    this.#onPartial?.(0);
    this.#consumed += this.#longSize;
    return more;
  }

  #deliver(
    type: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    kept: boolean,
    size: number,
  ): boolean {
    let inflated = 0;
    if (type === FrameType.compressed) {
      if (!this.#limits.acceptCompressed) throw malformed("a compressed message was not agreed on");
      bytes = decompress(bytes, start, end, this.#limits);
      start = 0;
      end = inflated = bytes.length;
      kept = true;
    }
    const read = this.#onMessage(bytes, start, end, kept);
    if (typeof read === "object") {
      this.#long = read;
      this.#longSize = size;
      this.#onPartial?.(end - start);
      this.#turns.spend(0, inflated);
      return false;
    }
    this.#consumed += size;
    return this.#turns.spend(read ?? 0, inflated);
  }
}
