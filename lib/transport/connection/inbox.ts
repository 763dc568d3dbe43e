import { ChunkReader, type Whole } from "../../wire/chunks.ts";
import { type CompressionLimits, inflaterOf } from "../../wire/compression.ts";
import { malformed } from "../../wire/errors.ts";
import { FrameType, HEADER_BYTES } from "../../wire/frame.ts";
import type { Inflater } from "../../wire/inflate.ts";
import { release } from "../../wire/memory.ts";
import { NumberedPaths } from "../../wire/interned_paths.ts";
import type { LongRead, ReadTurns } from "./read_turns.ts";

/**
 * Most bytes that are read before they are acknowledged at once, whatever the window is. With half as
 * many, the writes of acknowledgements cost a flood a tenth of its rate; twice as many gain nothing.
 */
const maxUnacknowledged = 524_288;
/**
 * The same for a client: until then they count for all clients of its certificate at the node
 * (`maxQueuedBytesPerIdentity`).
 */
const maxUnacknowledgedOfClient = 262_144;

/** Work of an {@linkcode Inflater} between two looks at whether the turn is over: some 0.5 ms. */
const inflatedAtOnce = 65_536;
/** Of that work, what takes as long as a value. */
const inflatedPerValue = 32;

/** Bytes that are joined between two such looks, and how many of them cost as much as a value. */
const joinedAtOnce = 524_288;
const bytesPerValue = 256;

/** Bounds of an {@linkcode Inbox}; see `TransportLimits`. */
export interface InboxLimits extends CompressionLimits {
  readonly window: number;
  readonly maxInternedPaths: number;
  readonly acceptCompressed: boolean;
  readonly isClient?: boolean;
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
  readonly #creditAfter: number;
  #consumed = 0;
  #credited = 0;
  /** The message that is being read, and bytes that count as read after it. */
  #long: LongRead | undefined;
  #longSize = 0;
  /** The same message, while its chunks are joined. */
  #whole: Whole | undefined;
  /** The same message, while it is inflated. */
  #inflater: Inflater | undefined;

  /** `onPartial` receives the number of buffered bytes of an unfinished message. */
  constructor(
    limits: InboxLimits,
    turns: ReadTurns,
    onMessage: OnMessage,
    onPartial?: (bytes: number) => void,
  ) {
    this.#onPartial = onPartial;
    this.#limits = limits;
    const most = limits.isClient === true ? maxUnacknowledgedOfClient : maxUnacknowledged;
    this.#creditAfter = Math.min(limits.window / 4, most);
    this.#turns = turns;
    this.#onMessage = onMessage;
    this.#chunks = new ChunkReader(limits.maxMessage);
    this.paths = new NumberedPaths(limits.maxInternedPaths);
  }

  /** Whether the read bytes must be acknowledged at once. */
  get creditDue(): boolean {
    return this.#consumed - this.#credited >= this.#creditAfter;
  }

  /** Whether a message is decoded in part. */
  get inMessage(): boolean {
    return (this.#long ?? this.#inflater ?? this.#whole) !== undefined;
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
      if (kept) release(bytes);
      if (whole === undefined) this.#onPartial?.(this.#chunks.capacity);
      if (whole === undefined) {
        this.#consumed += size;
        return true;
      }
      this.#longSize = size;
      return this.#join(whole);
    }
    if (this.#chunks.busy) throw malformed("a message arrives within the chunks of another");
    return this.#deliver(type, bytes, start, end, kept, size);
  }

  /** Reads on; answers as {@linkcode Inbox.push}. */
  proceed(): boolean {
    if (this.#whole !== undefined) return this.#join(this.#whole);
    if (this.#inflater !== undefined) return this.#inflate(this.#inflater);
    const long = this.#long;
    if (long === undefined) return true;
    const more = this.#turns.spend(long.step(), 0);
    if (!long.done) return false;
    this.#long = undefined;
    this.#onPartial?.(0);
    this.#consumed += this.#longSize;
    return more;
  }

  /** Joins chunks until the turn is over, or the message is whole: then it is read. */
  #join(whole: Whole): boolean {
    this.#whole = whole;
    let more = true;
    while (more && !whole.done) {
      const values = Math.ceil(whole.step(joinedAtOnce) / bytesPerValue);
      more = this.#turns.spend(values, 0);
    }
    const { bytes, type } = whole;
    if (!whole.done) {
      // The segments that are copied are not counted, nor the part that is not filled.
      this.#onPartial?.(bytes.length);
      return false;
    }
    this.#whole = undefined;
    this.#onPartial?.(0);
    return this.#deliver(type, bytes, 0, bytes.length, true, this.#longSize) && more;
  }

  #deliver(
    type: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    kept: boolean,
    size: number,
  ): boolean {
    if (type !== FrameType.compressed) return this.#read(bytes, start, end, kept, size);
    if (!this.#limits.acceptCompressed) throw malformed("a compressed message was not agreed on");
    const inflater = inflaterOf(bytes, start, end, this.#limits);
    this.#longSize = size;
    const more = this.#inflate(inflater);
    if (this.#inflater !== undefined && !kept) inflater.keepBytes();
    return more;
  }

  /** Inflates until the turn is over, or the message is whole: then it is read. */
  #inflate(inflater: Inflater): boolean {
    this.#inflater = inflater;
    let more = true;
    while (more && !inflater.done) {
      const work = inflater.step(inflatedAtOnce);
      more = this.#turns.spend(Math.ceil(work / inflatedPerValue), work);
    }
    if (!inflater.done) {
      this.#onPartial?.(inflater.memory);
      return false;
    }
    this.#inflater = undefined;
    this.#onPartial?.(0);
    const { output } = inflater;
    return this.#read(output, 0, output.length, true, this.#longSize) && more;
  }

  /** `size`: bytes that count as read with the message. */
  #read(
    bytes: Uint8Array,
    start: number,
    end: number,
    kept: boolean,
    size: number,
  ): boolean {
    const read = this.#onMessage(bytes, start, end, kept);
    if (typeof read === "object") {
      this.#long = read;
      this.#longSize = size;
      this.#onPartial?.(end - start);
      return false;
    }
    this.#consumed += size;
    return this.#turns.spend(read ?? 0, 0);
  }
}
