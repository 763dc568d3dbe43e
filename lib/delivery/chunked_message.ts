/**
 * Large messages in parts, so that each part is subject to flow control and only lost parts are sent
 * again. A message that holds references, or values of classes that need a serializer, is sent whole: what
 * they are depends on the connection.
 *
 * @module
 */
import { estimateSize } from "../actor/cell/message_size.ts";
import { Codec } from "../wire/codec.ts";
import { WireError } from "../wire/errors.ts";
import type { Part } from "./outgoing_stream.ts";

const refuse = (): never => {
  throw new TypeError("a message in parts holds no reference");
};

/** Writes and reads what is sent in parts. `now`: milliseconds of a clock. */
export function chunkCodec(now: () => number, maxMessage?: number): Codec {
  return new Codec({
    now,
    resolve: refuse,
    onRefEncoded: refuse,
    ...(maxMessage !== undefined && { limits: { maxMessage } }),
  });
}

/** What a message is sent as: itself, if it is not larger than a part. */
export function partsOf<T>(message: T, chunkSize: number | undefined, codec: Codec): Part<T>[] {
  if (chunkSize === undefined || estimateSize(message) <= chunkSize) return [{ message }];
  let bytes: Uint8Array;
  try {
    bytes = codec.encode(message).slice();
  } catch (error) {
    // If it cannot be sent at all, the connection says so.
    if (error instanceof WireError || error instanceof TypeError) return [{ message }];
    throw error;
  }
  const count = Math.ceil(bytes.length / chunkSize);
  return Array.from({ length: count }, (_, at) => ({
    chunk: bytes.slice(at * chunkSize, (at + 1) * chunkSize),
    left: count - 1 - at,
  }));
}

/** Puts a message together. */
export class ChunkedMessage {
  readonly #maxMessage: number;
  #chunks: Uint8Array[] = [];
  #size = 0;

  /** `maxMessage`: bytes beyond which nothing is kept. */
  constructor(maxMessage: number) {
    this.#maxMessage = maxMessage;
  }

  /** Whether it is larger than allowed. */
  get isTooLarge(): boolean {
    return this.#size > this.#maxMessage;
  }

  /** The next part. */
  add(chunk: Uint8Array): void {
    this.#size += chunk.length;
    if (this.isTooLarge) this.#chunks = [];
    else this.#chunks.push(chunk);
  }

  /**
   * The message, when all parts are there.
   *
   * @throws {WireError} it is none.
   */
  read(codec: Codec): unknown {
    const whole = new Uint8Array(this.#size);
    let at = 0;
    for (const chunk of this.#chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return codec.decode(whole, 0, whole.length);
  }
}
