/**
 * The two messages between a node and the stall responder of another: a request of 4 bytes and a
 * response of 16.
 *
 * @module
 */

/** "stl1". */
const magic = 0x73_74_6c_31;

/** Bytes of a request. */
export const requestLength = 4;
/** Bytes of a response. */
export const responseLength = 16;

/** The state of the event loop that a responder monitors. */
export interface ResponderReading {
  /** Incarnation of the node. */
  readonly incarnation: number;
  /** Milliseconds since its event loop last ran. */
  readonly stalledFor: number;
}

/** Encodes a request. */
export function encodeRequest(): Uint8Array {
  const bytes = new Uint8Array(requestLength);
  new DataView(bytes.buffer).setUint32(0, magic);
  return bytes;
}

/** Whether the bytes are a request. */
export function isRequest(bytes: Uint8Array): boolean {
  return bytes.length === requestLength && view(bytes).getUint32(0) === magic;
}

/** Encodes a response. */
export function encodeResponse({ incarnation, stalledFor }: ResponderReading): Uint8Array {
  const bytes = new Uint8Array(responseLength);
  const fields = new DataView(bytes.buffer);
  fields.setUint32(0, magic);
  fields.setUint32(4, Math.min(0xffff_ffff, Math.max(0, Math.round(stalledFor))));
  fields.setFloat64(8, incarnation);
  return bytes;
}

/** Decodes a response; undefined if it is malformed. */
export function decodeResponse(bytes: Uint8Array): ResponderReading | undefined {
  if (bytes.length !== responseLength) return undefined;
  const fields = view(bytes);
  if (fields.getUint32(0) !== magic) return undefined;
  return { stalledFor: fields.getUint32(4), incarnation: fields.getFloat64(8) };
}

/** Collects the expected number of bytes of a stream; more are malformed. */
export class ByteIntake {
  readonly #bytes: Uint8Array;
  #length = 0;

  /** Expects exactly `length` bytes. */
  constructor(length: number) {
    this.#bytes = new Uint8Array(length);
  }

  /** All bytes once complete; `false`: there were too many. */
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
