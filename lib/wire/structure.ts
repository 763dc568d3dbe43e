import { malformed, tooDeep, tooLarge, type WireError } from "./errors.ts";
import { ExtensionType, isKnownType, isMark } from "./extension.ts";
import type { WireLimits } from "./limits.ts";

/**
 * Checks the shape of msgpack bytes before they are decoded, without allocating: every length lies
 * within the bytes, every limit is kept, and there are as many bytes as all announced elements
 * need at least. The decoder then cannot be made to allocate for what is not there: it makes each
 * array as long as its header says, and has no limit of depth.
 */
export class StructureCheck {
  readonly #limits: WireLimits;
  /** Values that the enclosing containers still expect, outermost first. */
  readonly #outerLeft: Float64Array;
  readonly #outerIsMap: Uint8Array;

  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  /** Values that are announced and have not come yet, in all containers. */
  #needed = 0;
  #depth = 0;
  /** Values that the innermost container still expects; in a map keys and values both count. */
  #left = 0;
  #isMap = false;

  /** Makes a check that can be used again and again. */
  constructor(limits: WireLimits) {
    this.#limits = limits;
    this.#outerLeft = new Float64Array(limits.maxDepth + 1);
    this.#outerIsMap = new Uint8Array(limits.maxDepth + 1);
  }

  /**
   * Checks that `bytes[start]` to `bytes[end - 1]` is exactly one value.
   *
   * @throws {WireError} code `malformed`, `tooDeep` or `tooLarge`.
   */
  check(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#needed = 1;
    this.#depth = 0;
    this.#left = 1;
    this.#isMap = false;
    let values = 0;
    const maxValues = this.#limits.maxValues;
    while (this.#needed > 0) {
      if (this.#at >= end) throw truncated();
      if (++values > maxValues) {
        throw tooLarge("a message", values, "values", "maxValues", maxValues);
      }
      const isKey = this.#isMap && (this.#left & 1) === 0;
      this.#needed--;
      this.#left--;
      const head = bytes[this.#at++]!;
      if (isKey) this.#key(head);
      else this.#value(head);
      while (this.#left === 0 && this.#depth > 0) this.#leave();
    }
    if (this.#at !== end) throw malformed(`${end - this.#at} bytes follow the value`);
  }

  #key(head: number): void {
    if (head >= 0xa0 && head <= 0xbf) this.#string(head & 0x1f);
    else if (head >= 0xd9 && head <= 0xdb) this.#string(this.#length(1 << (head - 0xd9)));
    else throw malformed("a key of an object is not a string");
  }

  #value(head: number): void {
    if (head < 0x80 || head >= 0xe0) return;
    if (head < 0x90) return this.#enterMap(head & 0x0f);
    if (head < 0xa0) return this.#enterArray(head & 0x0f);
    if (head < 0xc0) return this.#string(head & 0x1f);
    switch (head) {
      case 0xc0:
      case 0xc2:
      case 0xc3:
        return;
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#length(1 << (head - 0xc7)));
      case 0xca:
        return this.#skip(4);
      case 0xcb:
        return this.#skip(8);
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#skip(1 << (head - 0xcc));
      case 0xcf:
      case 0xd3:
        return this.#wideInteger(head === 0xd3);
      case 0xd0:
      case 0xd1:
      case 0xd2:
        return this.#skip(1 << (head - 0xd0));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (head - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#string(this.#length(1 << (head - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#enterArray(this.#length(2 << (head - 0xdc)));
      case 0xde:
      case 0xdf:
        return this.#enterMap(this.#length(2 << (head - 0xde)));
      default:
        // 0xc1 is unused in msgpack; bare binaries (0xc4 to 0xc6) would come out as views.
        throw malformed(`byte 0x${head.toString(16)} begins no value`);
    }
  }

  /** Reads a big-endian length of `size` bytes. */
  #length(size: number): number {
    const at = this.#at;
    this.#skip(size);
    let length = 0;
    for (let i = 0; i < size; i++) length = length * 256 + this.#bytes[at + i]!;
    return length;
  }

  #skip(length: number): void {
    if (length > this.#end - this.#at) throw truncated();
    this.#at += length;
  }

  #string(length: number): void {
    if (length > this.#limits.maxString) {
      throw tooLarge("a string", length, "bytes", "maxString", this.#limits.maxString);
    }
    this.#skip(length);
  }

  #extension(length: number): void {
    if (this.#at >= this.#end) throw truncated();
    const type = this.#bytes[this.#at++]!;
    if (!isKnownType(type)) throw malformed(`extension type ${type} is not known`, type);
    if (isMark(type) && length !== 0) throw malformed(`a mark has ${length} bytes`);
    const wide = type === ExtensionType.wideString;
    const limit = wide ? this.#limits.maxString : this.#limits.maxBinary;
    if (length > limit && type !== ExtensionType.ref) {
      throw tooLarge("a value", length, "bytes", wide ? "maxString" : "maxBinary", limit);
    }
    this.#skip(length);
  }

  /** 64-bit integers are written only for numbers that a float64 holds exactly. */
  #wideInteger(signed: boolean): void {
    const high = (this.#bytes[this.#at]! << 24) | (this.#bytes[this.#at + 1]! << 16) |
      (this.#bytes[this.#at + 2]! << 8) | this.#bytes[this.#at + 3]!;
    this.#skip(8);
    const exact = signed ? high >= -0x200000 && high <= 0x1fffff : high >= 0 && high <= 0x1fffff;
    if (!exact) throw malformed("an integer is beyond 2^53");
  }

  #enterArray(length: number): void {
    const { maxArray, maxMap } = this.#limits;
    if (length > maxArray) {
      const type = this.#markAhead();
      if (type === ExtensionType.map) {
        if (length > 2 * maxMap + 1) {
          throw tooLarge("a Map", (length - 1) / 2, "entries", "maxMap", maxMap);
        }
      } else if (type !== ExtensionType.set || length > maxArray + 1) {
        throw tooLarge("an array", length, "elements", "maxArray", maxArray);
      }
    }
    this.#enter(length, false);
  }

  #enterMap(size: number): void {
    if (size > this.#limits.maxMap) {
      throw tooLarge("an object", size, "entries", "maxMap", this.#limits.maxMap);
    }
    this.#enter(size * 2, true);
  }

  #enter(values: number, isMap: boolean): void {
    if (this.#depth >= this.#limits.maxDepth) {
      throw tooDeep("a message", this.#limits.maxDepth);
    }
    this.#needed += values;
    // Each value takes a byte at least, so this bounds all that the decoder will allocate.
    if (this.#needed > this.#end - this.#at) throw truncated();
    this.#outerLeft[this.#depth] = this.#left;
    this.#outerIsMap[this.#depth] = this.#isMap ? 1 : 0;
    this.#depth++;
    this.#left = values;
    this.#isMap = isMap;
  }

  #leave(): void {
    this.#depth--;
    this.#left = this.#outerLeft[this.#depth]!;
    this.#isMap = this.#outerIsMap[this.#depth] === 1;
  }

  /** The type of the mark that comes next, or -1. */
  #markAhead(): number {
    const at = this.#at;
    if (this.#end - at < 3 || this.#bytes[at] !== 0xc7 || this.#bytes[at + 1] !== 0) return -1;
    return this.#bytes[at + 2]!;
  }
}

function truncated(): WireError {
  return malformed("it is cut short");
}
