import { Ref } from "../actor/ref/ref.ts";
import { tooDeep, tooLarge, WireError } from "./errors.ts";
import { binaryType, ExtensionType } from "./extension.ts";
import { LeafEncoder } from "./leaf_encoder.ts";
import type { WireLimits } from "./limits.ts";
import { Output } from "./output.ts";
import { SHORT_TEXT } from "./text.ts";
import { placed, Refusal } from "./refusal.ts";
import { describe, remedyFor } from "./refused_value.ts";
import { dataOf, type InternalForm } from "./serialized.ts";
import type { PeerSerializers, SerializerRegistry } from "./serializer_registry.ts";

/** How many causes of an error are sent; older ones are left out. */
const MAX_CAUSES = 8;

/** Stands in a message for a value whose bytes are not written: the caller has them. */
export class EncodedPart {
  /** Where they belong, once the message is encoded. */
  at = 0;
  /** How many there are. */
  readonly length: number;
  /** How many values they hold. */
  readonly values: number;

  constructor(length: number, values: number) {
    this.length = length;
    this.values = values;
  }
}

/**
 * Writes a message in one walk over it, which refuses what is not data and keeps the limits.
 * Strings, containers and numbers are here; values in extensions are leaves.
 */
export class Encoder {
  readonly #limits: WireLimits;
  readonly #out: Output;
  readonly #leaves: LeafEncoder;
  /** Up to this many units a text is worth trying as ASCII. */
  readonly #short: number;
  readonly #serializers: SerializerRegistry | undefined;
  readonly #internal: InternalForm | undefined;
  #values = 0;
  /** Serializers of the reader, if they are known. */
  #peer: PeerSerializers | undefined;

  /** Stands for a value whose bytes the caller has; undefined: none does. */
  #part: EncodedPart | undefined;

  /** Whether a message is being written: then another needs another encoder. */
  busy = false;

  /** `onRef` is called with each reference before it is written. */
  constructor(
    limits: WireLimits,
    onRef: ((ref: Ref<never>) => void) | undefined,
    serializers?: SerializerRegistry,
    internal?: InternalForm,
  ) {
    this.#serializers = serializers;
    this.#internal = internal;
    this.#limits = limits;
    this.#short = Math.min(SHORT_TEXT, limits.maxString);
    this.#out = new Output(limits);
    this.#leaves = new LeafEncoder(limits, this.#out, onRef);
  }

  /**
   * Encodes `message` behind `headroom` bytes. The bytes are valid until the next call. `part`: what the
   * bytes of one value in it count; they are left out.
   *
   * @throws {WireError} code `notSerializable`, `tooDeep` or `tooLarge`.
   */
  encode(
    message: unknown,
    headroom: number,
    peer?: PeerSerializers,
    part?: EncodedPart,
  ): Uint8Array {
    this.#part = part;
    this.#out.begin(headroom);
    try {
      this.#encode(message, peer, part?.length ?? 0);
    } finally {
      this.#part = undefined;
    }
    return this.#out.finish();
  }

  /**
   * Encodes `message` at `at` in `buffer`, where its headroom begins at `start` and is filled already.
   * Returns where it ends. `noRoom`: {@linkcode Encoder.takeEncoded} has it.
   *
   * @throws {WireError} code `notSerializable`, `tooDeep` or `tooLarge`.
   */
  encodeIn(
    buffer: Uint8Array,
    start: number,
    at: number,
    message: unknown,
    peer?: PeerSerializers,
  ): number {
    this.#out.beginIn(buffer, start, at);
    this.#encode(message, peer, 0);
    return this.#out.endIn(buffer);
  }

  /** What {@linkcode Encoder.encodeIn} had no room for, with its headroom; valid until the next call. */
  takeEncoded(): Uint8Array {
    return this.#out.finish();
  }

  #encode(message: unknown, peer: PeerSerializers | undefined, left: number): void {
    this.busy = true;
    this.#peer = peer;
    this.#values = 0;
    try {
      this.#count(1);
      this.#value(message, 0);
    } catch (cause) {
      const refusal = placed(cause);
      throw refusal instanceof Refusal ? refusal.toError() : refusal;
    } finally {
      this.busy = false;
    }
    const size = this.#out.size + left;
    const { maxMessage } = this.#limits;
    if (size <= maxMessage) return;
    this.#out.finish();
    throw tooLarge("a message", size, "bytes", "maxMessage", maxMessage);
  }

  #value(value: unknown, depth: number): void {
    switch (typeof value) {
      case "string":
        return this.#string(value);
      case "number":
        if (value === 0 && 1 / value < 0) return this.#marker(ExtensionType.negativeZero);
        return this.#out.number(value);
      case "boolean":
        this.#out.reserve(1);
        return this.#out.byte(value ? 0xc3 : 0xc2);
      case "undefined":
        return this.#marker(ExtensionType.undefined);
      case "bigint":
        return this.#leaves.bigint(value);
      case "object":
        return value === null ? this.#null() : this.#object(value, depth);
      default:
        throw refused(value);
    }
  }

  #null(): void {
    this.#out.reserve(1);
    this.#out.byte(0xc0);
  }

  /** An extension without a payload. */
  #marker(type: number): void {
    this.#out.extension(type, 0);
  }

  #string(text: string): void {
    // Short ASCII is what most texts are.
    if (text.length > this.#short || !this.#out.asciiString(text)) this.#anyString(text);
  }

  #anyString(text: string): void {
    // Half a surrogate pair has no UTF-8.
    if (!text.isWellFormed()) return this.#leaves.wideText(text);
    this.#utf8String(text);
  }

  #utf8String(text: string): void {
    const { maxString } = this.#limits;
    const { length } = text;
    const size = length > maxString ? length : this.#out.wellFormedString(text, maxString);
    if (size > maxString) throw stringTooLarge(size, maxString);
  }

  #anyKey(key: string): void {
    if (!key.isWellFormed()) {
      const what = "has a key with half a surrogate pair, which UTF-8 cannot carry";
      throw refusedKey(what, "use well-formed keys, or a Map");
    }
    this.#utf8String(key);
  }

  #object(value: object, depth: number): void {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      return this.#record(value as Record<string, unknown>, depth);
    }
    if (prototype === Array.prototype && Array.isArray(value)) return this.#array(value, depth);
    if (value instanceof Ref) return this.#leaves.ref(value);
    if (prototype === Map.prototype) return this.#map(value as Map<unknown, unknown>, depth);
    if (prototype === Set.prototype) return this.#set(value as Set<unknown>, depth);
    if (prototype === Date.prototype) return this.#leaves.date(value as Date);
    const type = binaryType(prototype as object);
    if (type !== undefined) return this.#leaves.binary(type, value as BufferSource);
    if (value === this.#part) return this.#leaveOut(this.#part!);
    const internal = this.#internal;
    if (internal !== undefined && internal.isOwn(value)) {
      return this.#data(internal.number, dataOf(internal.serializer, value, undefined), depth);
    }
    if (this.#serializers !== undefined) {
      if (this.#serialized(value, prototype as object | null, depth)) return;
    }
    if (value instanceof Error) return this.#error(value, depth, 0);
    throw refused(value);
  }

  #leaveOut(part: EncodedPart): void {
    part.at = this.#out.at;
    this.#count(part.values);
  }

  #serialized(value: object, prototype: object | null, depth: number): boolean {
    const registry = this.#serializers!;
    const number = registry.numberFor(value, prototype);
    if (number < 0) return false;
    const peer = this.#peer;
    const lacking = peer === undefined || peer.has(number) ? undefined : peer;
    this.#data(number, dataOf(registry.get(number), value, lacking), depth);
    return true;
  }

  #data(number: number, data: unknown, depth: number): void {
    this.#enter(depth, 0, 2, "a value", "elements", "maxArray");
    this.#out.array(2);
    this.#marker(ExtensionType.serialized + number);
    this.#value(data, depth + 1);
  }

  #array(array: readonly unknown[], depth: number): void {
    const { length } = array;
    this.#enter(depth, length, length, "an array", "elements", "maxArray");
    this.#out.array(length);
    let i = 0;
    try {
      for (; i < length; i++) this.#value(array[i], depth + 1);
    } catch (cause) {
      throw placed(cause, i);
    }
  }

  #record(record: Record<string, unknown>, depth: number): void {
    const size = Object.keys(record).length;
    this.#enter(depth, size, 2 * size, "an object", "entries", "maxMap");
    this.#out.map(size);
    let seen = 0;
    let step: string | undefined;
    try {
      // The engine reads properties fastest in this kind of loop. Inherited ones come last.
      for (const key in record) {
        if (seen === size) break;
        seen++;
        step = key;
        const value = record[key];
        step = undefined;
        if (key === "__proto__") {
          throw refusedKey(`has the key "${key}"`, "use another key, or a Map");
        }
        if (key.length > this.#short || !this.#out.asciiString(key)) this.#anyKey(key);
        step = key;
        this.#value(value, depth + 1);
        step = undefined;
      }
    } catch (cause) {
      throw placed(cause, step);
    }
    if (seen !== size) throw changed();
    if (Object.getOwnPropertySymbols(record).length > 0) {
      throw refusedKey("has a symbol as key", "use strings as keys");
    }
  }

  #map(map: ReadonlyMap<unknown, unknown>, depth: number): void {
    const { size } = map;
    this.#enter(depth, size, 1 + 2 * size, "a Map", "entries", "maxMap");
    this.#out.array(1 + 2 * size);
    this.#marker(ExtensionType.map);
    let index = 0;
    try {
      for (const [key, value] of map) {
        this.#value(key, depth + 1);
        this.#value(value, depth + 1);
        index++;
      }
    } catch (cause) {
      throw placed(cause, index);
    }
    if (index !== size) throw changed();
  }

  #set(set: ReadonlySet<unknown>, depth: number): void {
    const { size } = set;
    this.#enter(depth, size, 1 + size, "a Set", "elements", "maxMap");
    this.#out.array(1 + size);
    this.#marker(ExtensionType.set);
    let index = 0;
    try {
      for (const value of set) {
        this.#value(value, depth + 1);
        index++;
      }
    } catch (cause) {
      throw placed(cause, index);
    }
    if (index !== size) throw changed();
  }

  #error(error: Error, depth: number, causes: number): void {
    const { name, message, cause } = error;
    const code: unknown = (error as { code?: unknown }).code;
    // A cause only explains: one that cannot cross must not keep the error itself from crossing.
    const sendsCause = cause instanceof Error
      ? causes < MAX_CAUSES && depth + 1 < this.#limits.maxDepth
      : isScalar(cause);
    this.#enter(depth, 0, sendsCause ? 5 : 4, "an error", "elements", "maxArray");
    this.#out.array(sendsCause ? 5 : 4);
    this.#marker(ExtensionType.error);
    let step = "name";
    try {
      this.#string(String(name));
      step = "message";
      this.#string(String(message));
      step = "code";
      this.#value(typeof code === "string" || typeof code === "number" ? code : null, depth);
      step = "cause";
      if (!sendsCause) return;
      if (cause instanceof Error) this.#error(cause, depth + 1, causes + 1);
      else this.#value(cause, depth + 1);
    } catch (thrown) {
      throw placed(thrown, step);
    }
  }

  #enter(
    depth: number,
    length: number,
    values: number,
    what: string,
    unit: string,
    limit: "maxArray" | "maxMap",
  ): void {
    const limits = this.#limits;
    if (depth >= limits.maxDepth) throw new Refusal((where) => tooDeep(where, limits.maxDepth));
    if (length > limits[limit]) {
      throw new Refusal((where) =>
        tooLarge(`${where}: ${what}`, length, unit, limit, limits[limit])
      );
    }
    this.#count(values);
  }

  #count(values: number): void {
    this.#values += values;
    const { maxValues } = this.#limits;
    if (this.#values > maxValues) {
      throw tooLarge("a message", this.#values, "values or more", "maxValues", maxValues);
    }
  }
}

function stringTooLarge(size: number, maxString: number): Refusal {
  return new Refusal((where) =>
    tooLarge(`${where}: a string`, size, "bytes", "maxString", maxString)
  );
}

function refused(value: unknown): Refusal {
  return new Refusal((where) =>
    new WireError("notSerializable", `${where} is ${describe(value)}`, {
      value,
      remedy: remedyFor(value),
    })
  );
}

function refusedKey(what: string, remedy: string): Refusal {
  return new Refusal((where) => new WireError("notSerializable", `${where} ${what}`, { remedy }));
}

function changed(): Refusal {
  return refusedKey("changes while it is read", "send plain data without getters that change it");
}

function isScalar(value: unknown): boolean {
  const type = typeof value;
  return type === "string" || type === "number" || type === "boolean" || type === "bigint";
}
