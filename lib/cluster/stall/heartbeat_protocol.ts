/**
 * The two messages between a node and the stall responder of another: a question of 4 bytes, an
 * answer of 16.
 *
 * @module
 */

/** "stl1". */
const magic = 0x73_74_6c_31;

/** Bytes of a question. */
export const questionLength = 4;
/** Bytes of an answer. */
export const answerLength = 16;

/** What a responder knows. */
export interface ResponderReading {
  /** Of the node that the responder belongs to. */
  readonly incarnation: number;
  /** Since its event loop ran last, milliseconds. */
  readonly stalledFor: number;
}

/** A question. */
export function encodeQuestion(): Uint8Array {
  const bytes = new Uint8Array(questionLength);
  new DataView(bytes.buffer).setUint32(0, magic);
  return bytes;
}

/** Whether these are the bytes of a question. */
export function isQuestion(bytes: Uint8Array): boolean {
  return bytes.length === questionLength && view(bytes).getUint32(0) === magic;
}

/** An answer. */
export function encodeAnswer({ incarnation, stalledFor }: ResponderReading): Uint8Array {
  const bytes = new Uint8Array(answerLength);
  const fields = new DataView(bytes.buffer);
  fields.setUint32(0, magic);
  fields.setUint32(4, Math.min(0xffff_ffff, Math.max(0, Math.round(stalledFor))));
  fields.setFloat64(8, incarnation);
  return bytes;
}

/** Reads an answer; undefined if it is none. */
export function decodeAnswer(bytes: Uint8Array): ResponderReading | undefined {
  if (bytes.length !== answerLength) return undefined;
  const fields = view(bytes);
  if (fields.getUint32(0) !== magic) return undefined;
  return { stalledFor: fields.getUint32(4), incarnation: fields.getFloat64(8) };
}

/** The first bytes of a stream, as many as are expected; more than that is nobody's question. */
export class ByteIntake {
  readonly #bytes: Uint8Array;
  #length = 0;

  /** Takes exactly `length` bytes. */
  constructor(length: number) {
    this.#bytes = new Uint8Array(length);
  }

  /** All bytes once they are complete; `false`: there were too many. */
  take(chunk: Uint8Array): Uint8Array | undefined | false {
    if (this.#length + chunk.length > this.#bytes.length) return false;
    this.#bytes.set(chunk, this.#length);
    this.#length += chunk.length;
    return this.#length === this.#bytes.length ? this.#bytes : undefined;
  }
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
