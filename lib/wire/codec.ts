import { Decoder, Encoder } from "@msgpack/msgpack";
import type { Ref, RefAddress } from "../actor/ref.ts";
import { malformed, tooLarge, WireError } from "./errors.ts";
import { LeafCodec } from "./leaf_codec.ts";
import { type WireLimits, wireLimits } from "./limits.ts";
import { Preparation } from "./prepare.ts";
import { revive } from "./revive.ts";
import { StructureCheck } from "./structure.ts";

/** An encoder whose buffer grew beyond this is replaced, so that one big message is not for ever. */
const KEPT_BUFFER = 1_048_576;

/** What a codec needs. */
export interface CodecOptions {
  /** Makes a reference of an address that was read. */
  readonly resolve: (address: RefAddress) => Ref<unknown>;
  /** Told about each reference that is written, before it is. It may encode something itself. */
  readonly onRefEncoded?: (ref: Ref<never>) => void;
  /** Bounds on both directions; what is left out has its default. */
  readonly limits?: Partial<WireLimits>;
}

/**
 * Values to msgpack and back: null, booleans, numbers (with NaN, -0 and the infinities), strings
 * (any, also ill-formed), bigints, undefined, arrays, plain objects, `Date`, `Map`, `Set`,
 * `ArrayBuffer`, typed arrays and `DataView`, errors (name, message, code and causes; no stack)
 * and references. A hole in an array becomes undefined, and an object without a prototype comes
 * back with the ordinary one; properties of an array that are not elements are not sent. All else
 * is refused.
 *
 * What a peer sends is checked as a whole before anything is allocated for it, is copied out of
 * the receive buffer, and never sets a prototype.
 */
export class Codec {
  /** The bounds in force. */
  readonly limits: WireLimits;
  readonly #leaves: LeafCodec;
  readonly #preparation: Preparation;
  readonly #structure: StructureCheck;
  readonly #decoder: Decoder<undefined>;
  #encoder: Encoder<undefined>;
  #preparing = false;
  #framed: Uint8Array = new Uint8Array(2_048);

  /** Makes a codec. It may serve any number of connections. */
  constructor(options: CodecOptions) {
    this.limits = wireLimits(options.limits);
    this.#leaves = new LeafCodec(this.limits, options.resolve, options.onRefEncoded);
    this.#preparation = new Preparation(this.limits);
    this.#structure = new StructureCheck(this.limits);
    this.#decoder = new Decoder({ extensionCodec: this.#leaves });
    this.#encoder = this.#newEncoder();
  }

  /**
   * Encodes `value`. The bytes are valid until the next encode.
   *
   * @throws {WireError} code `notSerializable`, `tooDeep` or `tooLarge`, with the place in the
   * message; nothing else.
   */
  encode(value: unknown): Uint8Array {
    const bytes = this.#encodePrepared(this.#prepare(value));
    if (bytes.length > this.limits.maxMessage) throw this.#messageTooLarge(bytes.length);
    return bytes;
  }

  /**
   * Encodes `value` behind `headroom` bytes, which the caller fills. The bytes are valid until
   * the next call of this method.
   *
   * @throws {WireError} as {@linkcode Codec.encode}.
   */
  encodeBehind(headroom: number, value: unknown): Uint8Array {
    const body = this.encode(value);
    const size = headroom + body.length;
    if (size > this.limits.maxMessage) throw this.#messageTooLarge(size);
    let framed = this.#framed;
    if (framed.length < size) {
      framed = new Uint8Array(Math.max(size, 2 * framed.length));
      if (framed.length <= KEPT_BUFFER) this.#framed = framed;
    }
    framed.set(body, headroom);
    return framed.subarray(0, size);
  }

  /**
   * Decodes `bytes[start]` to `bytes[end - 1]`. The value shares no memory with the bytes.
   *
   * @throws {WireError} code `malformed`, `tooDeep` or `tooLarge`; nothing else.
   */
  decode(bytes: Uint8Array, start = 0, end: number = bytes.length): unknown {
    this.#structure.check(bytes, start, end);
    const leaves = this.#leaves;
    // A resolver may decode something itself: keep what this call has seen apart.
    const markSeenOutside = leaves.markSeen;
    leaves.markSeen = false;
    try {
      const whole = end - start === bytes.length;
      const value = this.#decoder.decode(whole ? bytes : bytes.subarray(start, end));
      return leaves.markSeen ? revive(value) : value;
    } catch (cause) {
      if (cause instanceof WireError) throw cause;
      throw malformed(cause instanceof Error ? cause.message : String(cause), undefined, cause);
    } finally {
      leaves.markSeen = markSeenOutside;
    }
  }

  #prepare(value: unknown): unknown {
    // A getter in a message may encode something itself; that one then walks on its own.
    if (this.#preparing) return new Preparation(this.limits).prepare(value);
    this.#preparing = true;
    try {
      return this.#preparation.prepare(value);
    } finally {
      this.#preparing = false;
    }
  }

  #encodePrepared(value: unknown): Uint8Array {
    const encoder = this.#encoder;
    try {
      const bytes = encoder.encodeSharedRef(value);
      if (bytes.buffer.byteLength > KEPT_BUFFER) this.#encoder = this.#newEncoder();
      return bytes;
    } catch (cause) {
      if (cause instanceof WireError) throw cause;
      throw new WireError("notSerializable", "a message cannot be encoded", {
        value,
        remedy: "send plain data that does not change while it is read",
        cause,
      });
    }
  }

  #newEncoder(): Encoder<undefined> {
    // The preparation keeps maxDepth; the encoder counts the innermost value as a level too.
    return new Encoder({ extensionCodec: this.#leaves, maxDepth: this.limits.maxDepth + 1 });
  }

  #messageTooLarge(size: number): WireError {
    return tooLarge("a message", size, "bytes", "maxMessage", this.limits.maxMessage);
  }
}
