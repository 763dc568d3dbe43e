/**
 * The msgpack extension types of Casty. Numbers are part of the protocol and never reused.
 *
 * Extensions are leaves: no payload holds another value. What contains values (Map, Set, Error)
 * is an ordinary array whose first element is a marker, so one depth limit, one count and one
 * decoder see everything. Values of custom serializers have such markers as well.
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** Extension types and their payloads. */
export const ExtensionType = {
  /** Empty. */
  undefined: 0,
  /** Empty. Negative zero, which msgpack's integers cannot distinguish from zero. */
  negativeZero: 1,
  /** UTF-16 little-endian, for strings that UTF-8 cannot carry. */
  wideString: 2,
  /** 8 bytes two's complement big-endian, or 1 sign byte and at least 8 bytes of magnitude. */
  bigint: 3,
  /** 8 bytes: float64 big-endian, milliseconds since the Unix epoch; NaN for an invalid date. */
  date: 4,
  /** Varint uid, varint length of the node, node, path. */
  ref: 5,
  /** Marker, empty: an array of this and then key, value, key, value ... is a Map. */
  map: 8,
  /** Marker, empty: an array of this and then elements is a Set. */
  set: 9,
  /** Marker, empty: an array of this, name, message, code or null, and maybe a cause is an Error. */
  error: 10,
  /** The first of the binary types; the others follow in the order of `binaryKinds`. */
  binary: 16,
  /**
   * Marker, empty, the first of 64: an array of this and then data is a value of a custom
   * serializer. Its number is an index of the names in the sender's hello: this is number 0.
   */
  serialized: 64,
} as const;

/** Something that can be made over a buffer. */
export interface BinaryKind {
  /** Only objects with exactly this prototype are of the kind. */
  readonly prototype: object;
  /** The payload is a multiple of this. */
  readonly bytesPerElement: number;
  /** Keeps the whole of `buffer` without a copy. */
  readonly make: (buffer: ArrayBuffer) => unknown;
  /** Shows a part of `buffer`; undefined for what always has a buffer of its own. */
  readonly show:
    | ((buffer: ArrayBuffer, byteOffset: number, length: number) => unknown)
    | undefined;
}

/** A constructor of typed arrays. */
interface ViewConstructor {
  readonly prototype: object;
  new (buffer: ArrayBuffer, byteOffset?: number, length?: number): unknown;
}

/** Elements are little-endian, as on every machine that Deno runs on. */
const binaryKinds: readonly BinaryKind[] = [
  {
    prototype: ArrayBuffer.prototype,
    bytesPerElement: 1,
    make: (buffer) => buffer,
    show: undefined,
  },
  kind(Uint8Array, 1, (buffer) => new Uint8Array(buffer)),
  kind(Int8Array, 1, (buffer) => new Int8Array(buffer)),
  kind(Uint8ClampedArray, 1, (buffer) => new Uint8ClampedArray(buffer)),
  kind(Uint16Array, 2, (buffer) => new Uint16Array(buffer)),
  kind(Int16Array, 2, (buffer) => new Int16Array(buffer)),
  kind(Uint32Array, 4, (buffer) => new Uint32Array(buffer)),
  kind(Int32Array, 4, (buffer) => new Int32Array(buffer)),
  kind(Float32Array, 4, (buffer) => new Float32Array(buffer)),
  kind(Float64Array, 8, (buffer) => new Float64Array(buffer)),
  kind(BigUint64Array, 8, (buffer) => new BigUint64Array(buffer)),
  kind(BigInt64Array, 8, (buffer) => new BigInt64Array(buffer)),
  kind(DataView, 1, (buffer) => new DataView(buffer)),
  kind(Float16Array, 2, (buffer) => new Float16Array(buffer)),
];

/** `make` is a function of its own for each, which the engine can inline. */
function kind(
  View: ViewConstructor,
  bytesPerElement: number,
  make: (buffer: ArrayBuffer) => unknown,
): BinaryKind {
  const { prototype } = View;
  return {
    prototype,
    bytesPerElement,
    make,
    show: (buffer, byteOffset, length) => new View(buffer, byteOffset, length),
  };
}

const typeOfPrototype = new Map<object, number>(
  binaryKinds.map((kind, index) => [kind.prototype, ExtensionType.binary + index]),
);
// A Buffer is what hashes, files and sockets of Node's libraries answer: its bytes are all it is.
typeOfPrototype.set(Buffer.prototype, binaryType(Uint8Array.prototype)!);

/** The extension type of an object with `prototype`, if that is exactly a binary type's. */
export function binaryType(prototype: object): number | undefined {
  return typeOfPrototype.get(prototype);
}

/** The binary kind of an extension type, if it is one. */
export function binaryKind(type: number): BinaryKind | undefined {
  return binaryKinds[type - ExtensionType.binary];
}

/** Whether `type` stands for a Map, Set, Error or custom value at the head of an array. */
export function isMarker(type: number): boolean {
  return (type >= ExtensionType.map && type <= ExtensionType.error) ||
    (type >= ExtensionType.serialized && type < ExtensionType.serialized + 64);
}

/** Whether `type` is one of ours. */
export function isKnownType(type: number): boolean {
  return (type >= 0 && type <= ExtensionType.ref) || isMarker(type) ||
    binaryKind(type) !== undefined;
}
