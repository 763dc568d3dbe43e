import type { Ref, RefAddress } from "../actor/ref/ref.ts";
import { malformed, tooDeep, tooLarge, WireError } from "./errors.ts";
import { ExtensionType, isMarker } from "./extension.ts";
import { isFarIndex, keepSparse } from "./index_keys.ts";
import { type KeyTimes, KeyWatch, unwatchedSize } from "./key_watch.ts";
import { LeafDecoder } from "./leaf_decoder.ts";
import type { WireLimits } from "./limits.ts";
import { longestAtOnce, type LongLeaf, LongText } from "./long_leaf.ts";
import { ContainerKind, OpenContainer } from "./open_container.ts";
import { reviveError } from "./revive.ts";
import type { Reviver } from "./serializer_registry.ts";
import { copyOf } from "./memory.ts";
import { decodeText, texts } from "./text.ts";

/** Longer strings are seldom the same again: ids, texts. Keys are. */
const LONGEST_REPEATED = 16;
/** Longer arrays are made at once; shorter ones grow, which keeps them packed. */
const LONGEST_GROWN = 64;

/** No index begins with a greater code. */
const NINE = 0x39;
/** Values between two looks at whether a step is over. */
const checkedValues = 64;

/** Stands for a value that is a container whose elements come next. */
const opened = Symbol("opened");

const scratch = new DataView(new ArrayBuffer(8));

/** A value in a message, and where its bytes are, counted from where the message was begun. */
export interface DecodedPart {
  readonly value: unknown;
  readonly start: number;
  readonly end: number;
  /** Values that it is of, itself included. */
  readonly values: number;
}

/**
 * Reads a message in one walk over its bytes. No memory is allocated for announced lengths: every
 * length lies within the bytes, every limit is kept, and of all containers that are open together
 * no more elements are expected than bytes remain.
 */
export class Decoder {
  readonly #limits: WireLimits;
  readonly #leaves: LeafDecoder;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  /** Values that were announced so far, in all. */
  #values = 0;
  /** Announced values that were not read yet. */
  #owed = 0;
  /** Makes values of custom serializers. */
  #reviver: Reviver | undefined;
  /** Whether nothing uses the bytes again. */
  #shared = false;
  readonly #keyTimes: KeyTimes;
  /** The containers that are open, outermost first; undefined while a message is read at once. */
  #stack: OpenContainer[] | undefined;
  /** The text, binary or bigint of which a part is read. */
  #long: LongLeaf | undefined;
  /** What long texts, binaries and bigints cost beyond a value each, in values. */
  #extra = 0;
  /** Bytes that were read when the rest was copied. */
  #passed = 0;
  /** Where the value began that is read directly in the outermost container, and values before it. */
  #partStart = 0;
  #partValues = 0;
  #longestPart: DecodedPart | undefined;
  #hasOwnValues = false;

  /** Whether a message is being read: then another needs another decoder. */
  busy = false;

  /**
   * `resolve` converts addresses to references. `keyTimes` recognises keys that take too long.
   * `views`: binaries may show bytes that are not used again. `shortReplies`: see `readRef`.
   */
  constructor(
    limits: WireLimits,
    resolve: (address: RefAddress) => Ref<unknown>,
    keyTimes: KeyTimes,
    views: boolean,
    shortReplies = false,
  ) {
    this.#limits = limits;
    this.#leaves = new LeafDecoder(limits, resolve, views, shortReplies);
    this.#keyTimes = keyTimes;
  }

  /**
   * Values of the message that was or is being read, as far as they were read: an announced number is
   * no work.
   */
  get values(): number {
    return this.#values - this.#owed;
  }

  /** What has been done of the message so far, in values. */
  get work(): number {
    return this.values + this.#extra;
  }

  /**
   * Decodes `bytes[start]` to `bytes[end - 1]`, which must be exactly one value. `shared`: nothing uses
   * the bytes again.
   *
   * @throws {WireError} code `malformed`, `tooDeep`, `tooLarge` or `undecodable`.
   */
  decode(
    bytes: Uint8Array,
    start: number,
    end: number,
    reviver: Reviver,
    shared: boolean,
  ): unknown {
    this.#begin(bytes, start, end, reviver, shared);
    try {
      const value = this.#value(0);
      if (this.#at !== end) throw this.#unread();
      return value;
    } catch (cause) {
      throw asWireError(cause);
    } finally {
      this.busy = false;
      // The chunk may be large, and the next one may arrive much later.
      this.#bytes = nothing;
    }
  }

  /**
   * Of a message that was decoded in steps: the longest of the values that are directly in its outermost
   * container. Undefined: there is none.
   */
  get longestPart(): DecodedPart | undefined {
    return this.#longestPart;
  }

  /** Whether it has values of serializers, whose bytes mean something to this end and its peer only. */
  get hasOwnValues(): boolean {
    return this.#hasOwnValues;
  }

  /** Begins to decode in steps, see {@linkcode Decoder.step}. The bytes must stay as they are. */
  beginSteps(
    bytes: Uint8Array,
    start: number,
    end: number,
    reviver: Reviver,
    shared: boolean,
  ): void {
    this.#begin(bytes, start, end, reviver, shared);
    this.#stack = [];
    this.#passed = -start;
  }

  /** Copies what is not read yet, so that the bytes may change between two steps. */
  keepBytes(): void {
    this.#bytes = copyOf(this.#bytes, this.#at, this.#end);
    this.#passed += this.#at;
    this.#partStart -= this.#at;
    this.#end -= this.#at;
    this.#at = 0;
    this.#shared = true;
  }

  /** Keeps nothing of the message that was decoded. */
  forget(): void {
    this.#longestPart = undefined;
    this.#reviver = undefined;
  }

  /**
   * Decodes on until `enough` says so, which is asked every 64 values. Answers the message in an
   * array once it is whole. The same bytes give the same value or error as with
   * {@linkcode Decoder.decode}.
   *
   * @throws {WireError} code `malformed`, `tooDeep`, `tooLarge` or `undecodable`.
   */
  step(enough: () => boolean): [unknown] | undefined {
    try {
      const whole = this.#step(this.#stack!, enough);
      if (whole !== undefined) this.#finish();
      return whole;
    } catch (cause) {
      this.#finish();
      throw asWireError(cause);
    }
  }

  #step(stack: OpenContainer[], enough: () => boolean): [unknown] | undefined {
    for (let left = checkedValues, first = true;; left--, first = false) {
      if (left <= 0) {
        if (enough()) return undefined;
        left = checkedValues;
      }
      if (!first && this.#long?.alone === true) return undefined;
      const value = this.#next(stack);
      // A piece takes as long as many values.
      if (this.#long !== undefined) left = 0;
      if (value === opened) continue;
      const outer = stack.at(-1);
      if (outer === undefined) {
        if (this.#at !== this.#end) throw this.#unread();
        return [value];
      }
      if (stack.length === 1) this.#endPart(value);
      outer.put(value);
    }
  }

  #endPart(value: unknown): void {
    const { longestPart } = this;
    const start = this.#passed + this.#partStart;
    const end = this.#passed + this.#at;
    if (longestPart !== undefined && end - start <= longestPart.end - longestPart.start) return;
    this.#longestPart = { value, start, end, values: this.values - this.#partValues };
  }

  /** The next value that is whole, or `opened`. */
  #next(stack: OpenContainer[]): unknown {
    if (this.#long !== undefined) return this.#readOn(this.#long);
    const open = stack.at(-1);
    if (open === undefined) return this.#value(0);
    if (open.missing === 0) {
      stack.pop();
      return open.close(this.#reviver!);
    }
    if (open.kind === ContainerKind.record) open.key = this.#key();
    if (stack.length === 1) {
      this.#partStart = this.#at;
      this.#partValues = this.values;
    }
    return this.#value(stack.length);
  }

  /** Leaves the elements of a container to the next steps. */
  #open(stack: OpenContainer[], kind: ContainerKind, size: number, number = 0): unknown {
    stack.push(new OpenContainer(kind, size, this.#keyTimes, number));
    return opened;
  }

  /** Leaves a text, binary or bigint of `length` bytes, which come next, to the next steps. */
  #openLong(long: LongLeaf, length: number): unknown {
    if (length > this.#end - this.#at) throw truncated();
    this.#long = long;
    return opened;
  }

  #readOn(long: LongLeaf): unknown {
    const size = long.pieceAt(this.#bytes, this.#at);
    const from = this.#skip(size);
    this.#extra += long.costOf(size);
    if (!long.take(this.#bytes, from, from + size)) return opened;
    this.#long = undefined;
    return long.value;
  }

  #begin(
    bytes: Uint8Array,
    start: number,
    end: number,
    reviver: Reviver,
    shared: boolean,
  ): void {
    this.busy = true;
    this.#shared = shared;
    this.#reviver = reviver;
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#values = 1;
    this.#owed = 1;
    this.#extra = 0;
    this.#longestPart = undefined;
    this.#hasOwnValues = false;
    this.#keyTimes.begin();
  }

  #unread(): WireError {
    return malformed(`${this.#end - this.#at} bytes follow the value`);
  }

  #finish(): void {
    this.busy = false;
    this.#stack = undefined;
    this.#long = undefined;
    this.#bytes = nothing;
  }

  #value(depth: number): unknown {
    if (this.#at >= this.#end) throw truncated();
    this.#owed--;
    const head = this.#bytes[this.#at++]!;
    if (head < 0x80) return head;
    if (head >= 0xe0) return head - 0x100;
    if (head >= 0xa0 && head < 0xc0) return this.#string(head & 0x1f);
    if (head < 0x90) return this.#record(head & 0x0f, depth);
    if (head < 0xa0) return this.#array(head & 0x0f, depth);
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#string(this.#length(1 << (head - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#length(2 << (head - 0xdc)), depth);
      case 0xde:
      case 0xdf:
        return this.#record(this.#length(2 << (head - 0xde)), depth);
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#length(1 << (head - 0xc7)));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (head - 0xd4));
      default:
        return this.#number(head);
    }
  }

  #number(head: number): number {
    switch (head) {
      case 0xca:
        return this.#scratch(4).getFloat32(0);
      case 0xcb:
        return this.#scratch(8).getFloat64(0);
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#length(1 << (head - 0xcc));
      case 0xcf:
        return this.#wideInteger(this.#length(4));
      case 0xd0:
        return this.#length(1) << 24 >> 24;
      case 0xd1:
        return this.#length(2) << 16 >> 16;
      case 0xd2:
        return this.#length(4) | 0;
      case 0xd3:
        return this.#wideInteger(this.#length(4) | 0);
      default:
        // 0xc1 is unused in msgpack; bare binaries (0xc4 to 0xc6) would come out as views.
        throw malformed(`byte 0x${head.toString(16)} begins no value`);
    }
  }

  /** 64-bit integers are written only for numbers that a float64 holds exactly. */
  #wideInteger(high: number): number {
    const low = this.#length(4);
    if (high < -0x200000 || high > 0x1fffff) throw malformed("an integer is beyond 2^53");
    return high * 0x1_0000_0000 + low;
  }

  /** Copies the next bytes, so that no view of the message has to be made. */
  #scratch(size: number): DataView {
    const from = this.#skip(size);
    for (let i = 0; i < size; i++) scratch.setUint8(i, this.#bytes[from + i]!);
    return scratch;
  }

  /** Reads an unsigned big-endian number of 1, 2 or 4 bytes. */
  #length(size: number): number {
    const from = this.#skip(size);
    const bytes = this.#bytes;
    if (size === 1) return bytes[from]!;
    const upper = (bytes[from]! << 8) | bytes[from + 1]!;
    if (size === 2) return upper;
    return ((upper << 16) | (bytes[from + 2]! << 8) | bytes[from + 3]!) >>> 0;
  }

  /** Passes over `length` bytes; returns where they begin. */
  #skip(length: number): number {
    const at = this.#at;
    if (length > this.#end - at) throw truncated();
    this.#at = at + length;
    return at;
  }

  #string(length: number): unknown {
    const { maxString } = this.#limits;
    if (length > maxString) throw tooLarge("a string", length, "bytes", "maxString", maxString);
    if (length > longestAtOnce && this.#stack !== undefined) {
      return this.#openLong(new LongText(length), length);
    }
    const from = this.#skip(length);
    if (length > LONGEST_REPEATED) return decodeText(this.#bytes, from, from + length);
    return texts.read(this.#bytes, from, from + length);
  }

  #key(): string {
    if (this.#at >= this.#end) throw truncated();
    this.#owed--;
    const head = this.#bytes[this.#at++]!;
    let length: number;
    if (head >= 0xa0 && head <= 0xbf) length = head & 0x1f;
    else if (head >= 0xd9 && head <= 0xdb) length = this.#length(1 << (head - 0xd9));
    else throw malformed("a key of an object is not a string");
    const { maxString } = this.#limits;
    if (length > maxString) throw tooLarge("a string", length, "bytes", "maxString", maxString);
    const from = this.#skip(length);
    const key = texts.read(this.#bytes, from, from + length);
    if (key === "__proto__") throw malformed("an object has the key __proto__");
    return key;
  }

  #record(size: number, depth: number): unknown {
    const { maxMap } = this.#limits;
    if (size > maxMap) throw tooLarge("an object", size, "entries", "maxMap", maxMap);
    this.#enter(2 * size, depth);
    if (this.#stack !== undefined) return this.#open(this.#stack, ContainerKind.record, size);
    if (size > unwatchedSize) return this.#largeRecord(size, depth);
    const record: Record<string, unknown> = {};
    for (let i = 0; i < size; i++) {
      const key = this.#key();
      if (key.charCodeAt(0) <= NINE && isFarIndex(key, i)) keepSparse(record);
      record[key] = this.#value(depth + 1);
    }
    return record;
  }

  #largeRecord(size: number, depth: number): Record<string, unknown> {
    const record: Record<string, unknown> = {};
    const has = (key: unknown) => Object.hasOwn(record, key as string);
    const watch = new KeyWatch(this.#keyTimes, { has });
    let left = watch.interval;
    let sparse = false;
    for (let i = 0; i < size; i++) {
      const key = this.#key();
      if (!sparse && isFarIndex(key, i)) {
        keepSparse(record);
        sparse = true;
      }
      record[key] = this.#value(depth + 1);
      if (--left === 0) left = watch.sample(key);
    }
    return record;
  }

  #array(length: number, depth: number): unknown {
    const marker = this.#markerAhead(length);
    const { maxArray } = this.#limits;
    const stack = this.#stack;
    if (marker < 0) {
      if (length > maxArray) throw tooLarge("an array", length, "elements", "maxArray", maxArray);
      this.#enter(length, depth);
      if (stack !== undefined) return this.#open(stack, ContainerKind.array, length);
      return this.#elements(length, depth);
    }
    const size = length - 1;
    if (marker === ExtensionType.map) {
      const { maxMap } = this.#limits;
      if (size > 2 * maxMap) throw tooLarge("a Map", size / 2, "entries", "maxMap", maxMap);
      if (size % 2 !== 0) throw malformed("a Map has a key without a value");
    } else if (marker === ExtensionType.set) {
      const { maxMap } = this.#limits;
      if (size > maxMap) throw tooLarge("a Set", size, "elements", "maxMap", maxMap);
    }
    this.#enter(length, depth);
    this.#at += 3;
    this.#owed--;
    if (marker >= ExtensionType.serialized) return this.#serialized(marker, size, depth);
    if (marker === ExtensionType.map) {
      if (stack !== undefined) return this.#open(stack, ContainerKind.map, size);
      return this.#map(size, depth);
    }
    if (marker === ExtensionType.set) {
      if (stack !== undefined) return this.#open(stack, ContainerKind.set, size);
      return this.#set(size, depth);
    }
    if (size > 4) throw malformed("an Error has a bad form");
    if (stack !== undefined) return this.#open(stack, ContainerKind.error, size);
    return reviveError(this.#elements(size, depth));
  }

  #serialized(marker: number, size: number, depth: number): unknown {
    if (size !== 1) throw malformed("a value of a serializer has a bad form");
    const number = marker - ExtensionType.serialized;
    this.#hasOwnValues = true;
    if (this.#stack !== undefined) {
      return this.#open(this.#stack, ContainerKind.serialized, size, number);
    }
    return this.#reviver!.revive(number, this.#value(depth + 1));
  }

  #elements(length: number, depth: number): unknown[] {
    if (length <= LONGEST_GROWN) {
      const elements: unknown[] = [];
      for (let i = 0; i < length; i++) elements.push(this.#value(depth + 1));
      return elements;
    }
    const elements = new Array<unknown>(length);
    for (let i = 0; i < length; i++) elements[i] = this.#value(depth + 1);
    return elements;
  }

  #map(size: number, depth: number): Map<unknown, unknown> {
    const map = new Map<unknown, unknown>();
    if (size > 2 * unwatchedSize) return this.#largeMap(map, size, depth);
    for (let i = 0; i < size; i += 2) {
      const key = this.#value(depth + 1);
      map.set(key, this.#value(depth + 1));
    }
    this.#keyTimes.filled(map);
    return map;
  }

  #largeMap(map: Map<unknown, unknown>, size: number, depth: number): Map<unknown, unknown> {
    const watch = new KeyWatch(this.#keyTimes, map);
    let left = watch.interval;
    for (let i = 0; i < size; i += 2) {
      const key = this.#value(depth + 1);
      map.set(key, this.#value(depth + 1));
      if (typeof key === "string" && key.charCodeAt(0) <= NINE) watch.text(key);
      if (--left === 0) left = watch.sample(key);
    }
    return map;
  }

  #set(size: number, depth: number): Set<unknown> {
    const set = new Set<unknown>();
    if (size > unwatchedSize) return this.#largeSet(set, size, depth);
    for (let i = 0; i < size; i++) set.add(this.#value(depth + 1));
    this.#keyTimes.filled(set);
    return set;
  }

  #largeSet(set: Set<unknown>, size: number, depth: number): Set<unknown> {
    const watch = new KeyWatch(this.#keyTimes, set);
    let left = watch.interval;
    for (let i = 0; i < size; i++) {
      const value = this.#value(depth + 1);
      set.add(value);
      if (typeof value === "string" && value.charCodeAt(0) <= NINE) watch.text(value);
      if (--left === 0) left = watch.sample(value);
    }
    return set;
  }

  #extension(length: number): unknown {
    const type = this.#bytes[this.#skip(1)]!;
    // The array around it would have taken it.
    if (isMarker(type)) throw malformed("a marker stands alone, or has bytes");
    this.#leaves.checkSize(type, length);
    if (this.#stack !== undefined) {
      const from = this.#bytes.byteOffset + this.#at;
      const long = this.#leaves.longLeafOf(type, length, from, this.#shared);
      if (long !== undefined) return this.#openLong(long, length);
    }
    const from = this.#skip(length);
    return this.#leaves.decode(type, this.#bytes, from, from + length, this.#shared);
  }

  /** Counts the announced values of a container. */
  #enter(values: number, depth: number): void {
    const { maxDepth, maxValues } = this.#limits;
    if (depth >= maxDepth) throw tooDeep("a message", maxDepth);
    this.#values += values;
    if (this.#values > maxValues) {
      throw tooLarge("a message", this.#values, "values", "maxValues", maxValues);
    }
    this.#owed += values;
    // Each value takes a byte at least, so this bounds all that is allocated for them.
    if (this.#owed > this.#end - this.#at) throw truncated();
  }

  /** The type of the marker that an array begins with, or -1. */
  #markerAhead(length: number): number {
    const at = this.#at;
    const bytes = this.#bytes;
    if (bytes[at] !== 0xc7 || length === 0) return -1;
    if (this.#end - at < 3 || bytes[at + 1] !== 0) return -1;
    const type = bytes[at + 2]!;
    return isMarker(type) ? type : -1;
  }
}

const nothing = new Uint8Array(0);

function asWireError(cause: unknown): WireError {
  if (cause instanceof WireError) return cause;
  return malformed(cause instanceof Error ? cause.message : String(cause), undefined, cause);
}

function truncated(): WireError {
  return malformed("it is cut short");
}
