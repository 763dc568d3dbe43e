/**
 * A large message that goes on to another peer as it came: a node returns or forwards it. To encode it
 * again would hold the event loop for up to 100 ms, so its bytes are copied, in turns.
 *
 * @module
 */
import type { Ref } from "../actor/ref/ref.ts";
import type { Clock } from "../runtime/clock.ts";
import { type LongRead, turnTime } from "../transport/connection/read_turns.ts";
import type { Decoder } from "../wire/decoder.ts";
import { EncodedPart } from "../wire/encoder.ts";
import { copyOf, unfilled } from "../wire/memory.ts";

/** Fewer bytes are encoded again: that takes less than a turn, whatever they hold. */
export const smallestPassed = 32_768;

/** Bytes that are copied between two looks at the clock. */
const pieceSize = 262_144;
/** Bytes that are copied in a turn, whatever time they take. */
const turnBytes = 1_048_576;
/** Bytes that count as one value. */
const bytesPerValue = 256;

/** Members that a message around another one has, at most. */
const maxMembers = 16;

/** The value in a message that may be passed on, while the message is delivered. */
export interface PassedPart {
  readonly value: unknown;
  /** They stay as they are during the delivery, and later only if they are `kept`. */
  readonly bytes: Uint8Array;
  readonly kept: boolean;
  readonly values: number;
  /** The first reply references in it. */
  readonly replyRefs: readonly Ref<unknown>[];
}

/** A message with a stand-in for the part. */
export interface AroundPart {
  readonly message: unknown;
  readonly part: EncodedPart;
}

/**
 * The part of a decoded message that may be passed on; undefined: it is small, or has own values.
 * `kept`: nobody else uses the bytes of the body.
 */
export function passedPartOf(
  decoder: Decoder,
  body: Uint8Array,
  kept: boolean,
  replyRefs: readonly Ref<unknown>[],
): PassedPart | undefined {
  const part = decoder.longestPart;
  if (part === undefined || decoder.hasOwnValues) return undefined;
  if (part.end - part.start < smallestPassed) return undefined;
  const { value, values, start, end } = part;
  return { value, values, bytes: body.subarray(start, end), kept, replyRefs };
}

/** The message with a stand-in for the part; undefined: it is not directly in the message. */
export function withoutPart(
  message: unknown,
  { value, values, bytes }: PassedPart,
): AroundPart | undefined {
  if (typeof message !== "object" || message === null) return undefined;
  const isArray = Array.isArray(message);
  if (!isArray && Object.getPrototypeOf(message) !== Object.prototype) return undefined;
  const members = Object.entries(message);
  if (members.length > maxMembers) return undefined;
  const found = members.find((member) => member[1] === value);
  if (found === undefined) return undefined;
  // The message around it counts the value itself.
  const part = new EncodedPart(bytes.length, values - 1);
  return isArray
    ? { message: message.with(Number(found[0]), part), part }
    : { message: { ...message, [found[0]]: part }, part };
}

/** The bytes of a part, for later turns. Most messages are not passed on, so that is no earlier copied. */
export function keptBytesOf({ bytes, kept }: PassedPart): Uint8Array {
  return kept ? bytes : copyOf(bytes, 0, bytes.length);
}

/** Puts the bytes of a part into the message around it, in turns. */
export class PassedMessage implements LongRead {
  done = false;
  readonly #clock: Clock;
  readonly #whole: Uint8Array;
  readonly #bytes: Uint8Array;
  readonly #at: number;
  readonly #onWhole: (message: Uint8Array) => void;
  #copied = 0;

  /** `around`: the message without `bytes`, which belong at `at` and must stay as they are. */
  constructor(
    clock: Clock,
    around: Uint8Array,
    at: number,
    bytes: Uint8Array,
    onWhole: (message: Uint8Array) => void,
  ) {
    this.#clock = clock;
    this.#bytes = bytes;
    this.#at = at;
    this.#onWhole = onWhole;
    this.#whole = new Uint8Array(unfilled(around.length + bytes.length));
    this.#whole.set(around.subarray(0, at));
    this.#whole.set(around.subarray(at), at + bytes.length);
  }

  step(): number {
    const over = this.#clock.now() + turnTime;
    const from = this.#copied;
    const most = Math.min(this.#bytes.length, from + turnBytes);
    while (this.#copied < most) {
      const end = Math.min(most, this.#copied + pieceSize);
      this.#whole.set(this.#bytes.subarray(this.#copied, end), this.#at + this.#copied);
      this.#copied = end;
      if (this.#clock.now() >= over) break;
    }
    if (this.#copied === this.#bytes.length) {
      this.done = true;
      this.#onWhole(this.#whole);
    }
    return Math.ceil((this.#copied - from) / bytesPerValue);
  }
}
