import { ExtData } from "@msgpack/msgpack";
import { Ref } from "../actor/ref.ts";
import { tooDeep, tooLarge, WireError } from "./errors.ts";
import { binaryType, ExtensionType, written } from "./extension.ts";
import type { WireLimits } from "./limits.ts";
import { utf8Length } from "./text.ts";
import { describe, formatPath, remedyFor } from "./refused_value.ts";

/** How many causes of an error are sent; older ones are left out. */
const MAX_CAUSES = 8;

/**
 * The walk over a message before it is encoded. It refuses what is not data, keeps the limits
 * before a byte is allocated, and puts stand-ins where msgpack would change a value in silence
 * (undefined becomes null, -0 becomes 0, a Map becomes an empty object). Messages without such
 * values are not copied.
 */
export class Preparation {
  readonly #limits: WireLimits;
  /** Where the walk is: keys and indices from the message down. */
  readonly #path: (string | number)[] = [];
  /** How much of `#path` counts. */
  #top = 0;
  #values = 0;
  #bytes = 0;

  /** Makes a walk that can be used again and again, but not from within itself. */
  constructor(limits: WireLimits) {
    this.#limits = limits;
  }

  /**
   * Returns `message`, or a copy with stand-ins.
   *
   * @throws {WireError} code `notSerializable`, `tooDeep` or `tooLarge`.
   */
  prepare(message: unknown): unknown {
    this.#values = 0;
    this.#bytes = 0;
    this.#top = 0;
    this.#count(1);
    try {
      return this.#value(message, 0);
    } catch (cause) {
      if (cause instanceof WireError) throw cause;
      // A getter or a proxy of the message threw.
      throw new WireError("notSerializable", `${this.#where()} cannot be read`, {
        value: message,
        remedy: "send plain data without getters that throw",
        cause,
      });
    } finally {
      // Keys may be long; do not hold on to those of a deep message.
      if (this.#path.length > 16) this.#path.length = 0;
    }
  }

  #value(value: unknown, depth: number): unknown {
    switch (typeof value) {
      case "string":
        return this.#string(value);
      case "number":
        return value === 0 && 1 / value < 0 ? written.negativeZero : value;
      case "boolean":
        return value;
      case "undefined":
        return written.undefined;
      case "bigint":
        return this.#bigint(value);
      case "object":
        return value === null ? null : this.#object(value, depth);
      default:
        throw this.#refuse(value);
    }
  }

  #step(depth: number, key: string | number): void {
    this.#path[depth] = key;
    this.#top = depth + 1;
  }

  #string(text: string): unknown {
    // Half a surrogate pair has no UTF-8, and a decoder takes U+FEFF at the start for a signature.
    if (text.isWellFormed() && text.charCodeAt(0) !== 0xfeff) {
      this.#measure(text);
      return text;
    }
    const size = 2 * text.length;
    const { maxString } = this.#limits;
    if (size > maxString) {
      throw tooLarge(`${this.#where()}: a string`, size, "bytes", "maxString", maxString);
    }
    this.#addBytes(size);
    const bytes = new Uint8Array(size);
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      bytes[2 * i] = unit;
      bytes[2 * i + 1] = unit >>> 8;
    }
    return new ExtData(ExtensionType.wideString, bytes);
  }

  #measure(text: string): void {
    const { maxString } = this.#limits;
    this.#addBytes(text.length);
    // UTF-8 takes up to 3 bytes for a unit: only then count them.
    if (text.length * 3 > maxString) {
      const bytes = utf8Length(text);
      if (bytes > maxString) {
        throw tooLarge(`${this.#where()}: a string`, bytes, "bytes", "maxString", maxString);
      }
    }
  }

  #bigint(value: bigint): bigint {
    // Within 64 bits nothing needs to be counted.
    if (BigInt.asIntN(64, value) === value) return value;
    this.#binary(Math.ceil(value.toString(16).length / 2) + 1);
    return value;
  }

  #object(value: object, depth: number): unknown {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      return this.#record(value as Record<string, unknown>, depth);
    }
    if (prototype === Array.prototype && Array.isArray(value)) return this.#array(value, depth);
    if (value instanceof Ref) return value;
    if (prototype === Map.prototype) return this.#map(value as Map<unknown, unknown>, depth);
    if (prototype === Set.prototype) return this.#set(value as Set<unknown>, depth);
    if (prototype === Date.prototype) return value;
    if (binaryType(prototype as object) !== undefined) {
      this.#binary((value as ArrayBufferLike | ArrayBufferView).byteLength);
      return value;
    }
    if (value instanceof Error) return this.#error(value, depth, 0);
    throw this.#refuse(value);
  }

  #array(array: readonly unknown[], depth: number): readonly unknown[] {
    const length = array.length;
    this.#enter(depth, length, "an array", "elements", "maxArray");
    this.#count(length);
    let copy: unknown[] | undefined;
    for (let i = 0; i < length; i++) {
      const item = array[i];
      this.#step(depth, i);
      const prepared = this.#value(item, depth + 1);
      if (prepared !== item && prepared === prepared) {
        copy ??= array.slice();
        copy[i] = prepared;
      }
    }
    return copy ?? array;
  }

  #record(record: Record<string, unknown>, depth: number): Record<string, unknown> {
    const keys = Object.keys(record);
    this.#enter(depth, keys.length, "an object", "entries", "maxMap");
    this.#count(2 * keys.length);
    let copy: Record<string, unknown> | undefined;
    for (const key of keys) {
      this.#step(depth, key);
      this.#key(key, depth);
      const item = record[key];
      const prepared = this.#value(item, depth + 1);
      if (prepared !== item && prepared === prepared) {
        copy ??= { ...record };
        copy[key] = prepared;
      }
    }
    if (Object.getOwnPropertySymbols(record).length > 0) {
      this.#top = depth;
      throw this.#refuseKey("has a symbol as key", "use strings as keys");
    }
    return copy ?? record;
  }

  #key(key: string, depth: number): void {
    this.#measure(key);
    if (key === "__proto__") {
      this.#top = depth;
      throw this.#refuseKey('has the key "__proto__"', "use another key, or a Map");
    }
    if (!key.isWellFormed() || key.charCodeAt(0) === 0xfeff) {
      this.#top = depth;
      throw this.#refuseKey("has a key that UTF-8 cannot carry", "use well-formed keys, or a Map");
    }
  }

  #map(map: ReadonlyMap<unknown, unknown>, depth: number): unknown[] {
    this.#enter(depth, map.size, "a Map", "entries", "maxMap");
    this.#count(1 + 2 * map.size);
    const flat: unknown[] = [written.map];
    let index = 0;
    for (const [key, value] of map) {
      this.#step(depth, index++);
      flat.push(this.#value(key, depth + 1), this.#value(value, depth + 1));
    }
    return flat;
  }

  #set(set: ReadonlySet<unknown>, depth: number): unknown[] {
    this.#enter(depth, set.size, "a Set", "elements", "maxArray");
    this.#count(1 + set.size);
    const flat: unknown[] = [written.set];
    let index = 0;
    for (const value of set) {
      this.#step(depth, index++);
      flat.push(this.#value(value, depth + 1));
    }
    return flat;
  }

  #error(error: Error, depth: number, causes: number): unknown[] {
    this.#enter(depth, 0, "an error", "elements", "maxArray");
    this.#count(4);
    const { name, message, cause } = error;
    const code: unknown = (error as { code?: unknown }).code;
    const flat: unknown[] = [written.error];
    this.#step(depth, "name");
    flat.push(this.#string(String(name)));
    this.#step(depth, "message");
    flat.push(this.#string(String(message)));
    this.#step(depth, "code");
    flat.push(typeof code === "string" || typeof code === "number" ? this.#value(code, 0) : null);
    this.#step(depth, "cause");
    // A cause only explains: one that cannot cross must not keep the error itself from crossing.
    if (cause instanceof Error) {
      if (causes < MAX_CAUSES && depth + 1 < this.#limits.maxDepth) {
        this.#count(1);
        flat.push(this.#error(cause, depth + 1, causes + 1));
      }
    } else if (isScalar(cause)) {
      this.#count(1);
      flat.push(this.#value(cause, depth + 1));
    }
    return flat;
  }

  #binary(bytes: number): void {
    const { maxBinary } = this.#limits;
    if (bytes > maxBinary) {
      throw tooLarge(`${this.#where()}: a value`, bytes, "bytes", "maxBinary", maxBinary);
    }
    this.#addBytes(bytes);
  }

  #enter(
    depth: number,
    length: number,
    what: string,
    unit: string,
    limit: "maxArray" | "maxMap",
  ): void {
    this.#top = depth;
    if (depth >= this.#limits.maxDepth) throw tooDeep(this.#where(), this.#limits.maxDepth);
    if (length > this.#limits[limit]) {
      throw tooLarge(`${this.#where()}: ${what}`, length, unit, limit, this.#limits[limit]);
    }
  }

  #count(values: number): void {
    this.#values += values;
    const { maxValues } = this.#limits;
    if (this.#values > maxValues) {
      throw tooLarge("a message", this.#values, "values or more", "maxValues", maxValues);
    }
  }

  #addBytes(bytes: number): void {
    this.#bytes += bytes;
    const { maxMessage } = this.#limits;
    if (this.#bytes > maxMessage) {
      throw tooLarge("a message", this.#bytes, "bytes or more", "maxMessage", maxMessage);
    }
  }

  #where(): string {
    return formatPath(this.#path.slice(0, this.#top));
  }

  #refuse(value: unknown): WireError {
    return new WireError("notSerializable", `${this.#where()} is ${describe(value)}`, {
      value,
      remedy: remedyFor(value),
    });
  }

  #refuseKey(what: string, remedy: string): WireError {
    return new WireError("notSerializable", `${this.#where()} ${what}`, { remedy });
  }
}

function isScalar(value: unknown): boolean {
  const type = typeof value;
  return type === "string" || type === "number" || type === "boolean" || type === "bigint";
}
