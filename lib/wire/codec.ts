import type { Ref, RefAddress } from "../actor/ref/ref.ts";
import { Decoder } from "./decoder.ts";
import { type EncodedPart, Encoder } from "./encoder.ts";
import { KeyTimes } from "./key_watch.ts";
import { type WireLimits, wireLimits } from "./limits.ts";
import { release } from "./memory.ts";
import { KEPT_BUFFER } from "./output.ts";
import type { InternalForm } from "./serialized.ts";
import {
  noSerializers,
  type PeerSerializers,
  type Reviver,
  type SerializerRegistry,
} from "./serializer_registry.ts";

/** {@linkcode Codec.encodeIn} has done nothing, as a message is being encoded: encode it elsewhere. */
export const notNow = -2;

/** Dependencies of a codec. */
export interface CodecOptions {
  /** Creates a reference from an address. */
  readonly resolve: (address: RefAddress) => Ref<unknown>;
  /** Called with each reference before it is written. It may encode something itself. */
  readonly onRefEncoded?: (ref: Ref<never>) => void;
  /**
   * Milliseconds of a clock with a resolution of microseconds: a message whose keys collide is
   * recognised by the time that it takes.
   */
  readonly now: () => number;
  /** Bounds on both directions; what is left out has its default. */
  readonly limits?: Partial<WireLimits>;
  /** How values of users' classes are written and read. Default: they are refused. */
  readonly serializers?: SerializerRegistry;
  /** How messages of the library are written. Default: they are refused. */
  readonly internal?: InternalForm;
  /**
   * Whether this end has written the bytes itself: then keys that collide are read all the same.
   * Default false.
   */
  readonly trusted?: boolean;
  /** Whether long typed arrays show the bytes of the message, where nothing uses these again. */
  readonly binaries?: "copy" | "view";
  /** Whether addresses of reply references have the short form of their path. Default false. */
  readonly shortReplies?: boolean;
}

/**
 * Values to msgpack and back: null, booleans, numbers (with NaN, -0 and the infinities), strings
 * (any, also ill-formed), bigints, undefined, arrays, plain objects, `Date`, `Map`, `Set`,
 * `ArrayBuffer`, typed arrays and `DataView`, errors (name, message, code and causes; no stack),
 * references, and values of classes that have a serializer. A hole in an array becomes undefined, and
 * an object without a prototype comes back with the ordinary one; properties of an array that are
 * not elements are not sent. Any other value is refused.
 *
 * What a peer sends is checked before anything is allocated for it, never shares memory with a receive
 * buffer that is used again, and never sets a prototype. A `Buffer` is written as a `Uint8Array`. The bytes are msgpack: other encoders read and write them
 * too, as long as they know the extensions. This one exists because it checks while it walks, so
 * that a message is walked once.
 */
export class Codec {
  /** The bounds in force. */
  readonly limits: WireLimits;
  readonly #options: CodecOptions;
  readonly #encoder: Encoder;
  readonly #decoder: Decoder;
  readonly #ownReviver: Reviver;
  #last: Decoder;
  /** For the next message that is decoded in steps. */
  #spare: Decoder | undefined;

  /** One codec may serve any number of connections. */
  constructor(options: CodecOptions) {
    this.#options = options;
    this.limits = wireLimits(options.limits);
    this.#ownReviver = options.serializers ?? noSerializers;
    this.#encoder = this.#newEncoder();
    this.#decoder = this.#newDecoder();
    this.#last = this.#decoder;
  }

  /**
   * Encodes `value`. The bytes are valid until the next encode.
   *
   * @throws {WireError} code `notSerializable`, `tooDeep` or `tooLarge`, with the place in the
   * message; nothing else.
   */
  encode(value: unknown): Uint8Array {
    return this.encodeBehind(0, value);
  }

  /**
   * Encodes `value` behind `headroom` bytes, which the caller fills. The bytes are valid until
   * the next encode.
   *
   * @param peer serializers of the reader, if they are known: values that need another are refused.
   * @param part stands in `value` for one whose bytes the caller has, and which are left out.
   * @throws {WireError} as {@linkcode Codec.encode}.
   */
  encodeBehind(
    headroom: number,
    value: unknown,
    peer?: PeerSerializers,
    part?: EncodedPart,
  ): Uint8Array {
    // A getter in a message may encode something itself; that call then has a separate buffer.
    const encoder = this.#encoder.busy ? this.#newEncoder() : this.#encoder;
    return encoder.encode(value, headroom, peer, part);
  }

  /**
   * Encodes `value` at `at` in `buffer`, where its headroom begins at `start` and is filled already.
   * Returns where it ends. `noRoom`: {@linkcode Codec.takeEncoded} has it; or {@linkcode notNow}.
   *
   * @throws {WireError} as {@linkcode Codec.encode}.
   */
  encodeIn(
    buffer: Uint8Array,
    start: number,
    at: number,
    value: unknown,
    peer?: PeerSerializers,
  ): number {
    const encoder = this.#encoder;
    return encoder.busy ? notNow : encoder.encodeIn(buffer, start, at, value, peer);
  }

  /** What {@linkcode Codec.encodeIn} had no room for, with its headroom; valid until the next encode. */
  takeEncoded(): Uint8Array {
    return this.#encoder.takeEncoded();
  }

  /** Gives back the memory of bytes that were encoded here, and that nobody uses any more. */
  releaseEncoded(bytes: Uint8Array): void {
    // A smaller buffer is used for the next message.
    if (bytes.buffer.byteLength > KEPT_BUFFER) release(bytes);
  }

  /**
   * Decodes `bytes[start]` to `bytes[end - 1]`. The value shares no memory with the bytes, unless
   * `shared`.
   *
   * @param shared nothing uses the bytes again: with `binaries: "view"` the value may show them.
   * @param reviver revives the values of custom serializers. Default: those that this end has
   *   written.
   * @throws {WireError} code `malformed`, `tooDeep`, `tooLarge` or `undecodable`; nothing else.
   */
  decode(
    bytes: Uint8Array,
    start = 0,
    end: number = bytes.length,
    reviver: Reviver = this.#ownReviver,
    shared = false,
  ): unknown {
    // A resolver may decode something itself.
    const decoder = this.#decoder.busy ? this.#newDecoder() : this.#decoder;
    this.#last = decoder;
    return decoder.decode(bytes, start, end, reviver, shared);
  }

  /**
   * Values that were read of the message that was decoded last, counting each element, key and
   * container.
   */
  get values(): number {
    return this.#last.values;
  }

  /**
   * Begins to decode a message in steps. Its bytes must stay as they are, or be kept with
   * `keepBytes`. Otherwise as {@linkcode Codec.decode}.
   */
  decodeInSteps(
    bytes: Uint8Array,
    start: number,
    end: number,
    reviver: Reviver,
    shared = false,
  ): Decoder {
    const decoder = this.#spare ?? this.#newDecoder();
    this.#spare = undefined;
    decoder.beginSteps(bytes, start, end, reviver, shared);
    return decoder;
  }

  /** Takes back a decoder that has decoded a message in steps, and that nobody uses any more. */
  giveBack(decoder: Decoder): void {
    decoder.forget();
    this.#spare = decoder;
  }

  #newEncoder(): Encoder {
    const { onRefEncoded, serializers, internal } = this.#options;
    return new Encoder(this.limits, onRefEncoded, serializers, internal);
  }

  #newDecoder(): Decoder {
    const { resolve, now, binaries, trusted = false, shortReplies } = this.#options;
    const keyTimes = new KeyTimes(now, trusted);
    return new Decoder(this.limits, resolve, keyTimes, binaries === "view", shortReplies);
  }
}
