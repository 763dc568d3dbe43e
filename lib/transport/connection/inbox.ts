import { ChunkReader } from "../../wire/chunks.ts";
import { type CompressionLimits, decompress } from "../../wire/compression.ts";
import { malformed } from "../../wire/errors.ts";
import { FrameType, HEADER_BYTES } from "../../wire/frame.ts";
import { NumberedPaths } from "../../wire/interned_paths.ts";

/** Most bytes that are read before they are acknowledged at once, whatever the window is. */
const maxUnacknowledged = 262_144;

/** Bounds of an {@linkcode Inbox}; see `TransportLimits`. */
export interface InboxLimits extends CompressionLimits {
  readonly window: number;
  readonly maxInternedPaths: number;
}

/** Receives a message. The bytes are valid during the call only. */
export type OnMessage = (bytes: Uint8Array, start: number, end: number) => void;

/** Turns frames into messages, and counts the bytes to acknowledge. */
export class Inbox {
  /** The actor paths that the peer has replaced by numbers. */
  readonly paths: NumberedPaths;
  readonly #limits: InboxLimits;
  readonly #onMessage: OnMessage;
  readonly #onPartial: ((bytes: number) => void) | undefined;
  readonly #chunks: ChunkReader;
  #consumed = 0;
  #credited = 0;

  /** `onPartial` receives the number of buffered bytes of an unfinished message. */
  constructor(limits: InboxLimits, onMessage: OnMessage, onPartial?: (bytes: number) => void) {
    this.#onPartial = onPartial;
    this.#limits = limits;
    this.#onMessage = onMessage;
    this.#chunks = new ChunkReader(limits.maxMessage);
    this.paths = new NumberedPaths(limits.maxInternedPaths);
  }

  /** Whether the read bytes must be acknowledged at once. */
  get creditDue(): boolean {
    const { window } = this.#limits;
    return this.#consumed - this.#credited >= Math.min(window / 4, maxUnacknowledged);
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
   * Takes a frame of the type `message`, `chunk` or `compressed`.
   *
   * @throws {WireError} code `malformed` or `tooLarge`.
   */
  push(type: number, bytes: Uint8Array, start: number, end: number): void {
    this.#consumed += end - start + HEADER_BYTES;
    if (type === FrameType.chunk) {
      const whole = this.#chunks.push(bytes, start, end);
      this.#onPartial?.(this.#chunks.capacity);
      if (whole !== undefined) this.#deliver(whole.type, whole.bytes, 0, whole.bytes.length);
      return;
    }
    if (this.#chunks.busy) throw malformed("a message arrives within the chunks of another");
    this.#deliver(type, bytes, start, end);
  }

  #deliver(type: number, bytes: Uint8Array, start: number, end: number): void {
    if (type === FrameType.message) return this.#onMessage(bytes, start, end);
    const inflated = decompress(bytes, start, end, this.#limits);
    this.#onMessage(inflated, 0, inflated.length);
  }
}
