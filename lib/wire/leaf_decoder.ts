import type { Ref, RefAddress } from "../actor/ref/ref.ts";
import { askPath } from "../actor/ref/reply_path.ts";
import { malformed, tooLarge } from "./errors.ts";
import { type BinaryKind, binaryKind, ExtensionType, isKnownType } from "./extension.ts";
import type { WireLimits } from "./limits.ts";
import {
  LongBigint,
  LongBinary,
  longestAtOnce,
  type LongLeaf,
  LongWideText,
  readMagnitude,
} from "./long_leaf.ts";
import { copyOf } from "./memory.ts";
import { isReplyPath } from "./reply_path.ts";
import { decodeUtf16, texts } from "./text.ts";
import { readVarint, varintSize } from "./varint.ts";

/** Shorter binaries are always copied: they must not keep a large message in memory. */
const shortestView = 4_096;

/**
 * Reads the payloads of extensions that hold no other values. Nothing of the bytes is kept, unless it
 * may be: see `views`.
 */
export class LeafDecoder {
  readonly #limits: WireLimits;
  readonly #resolve: (address: RefAddress) => Ref<unknown>;
  readonly #views: boolean;
  readonly #shortReplies: boolean;

  /**
   * `resolve` converts addresses to references. `views`: binaries are views of bytes that no
   * transport uses again. `shortReplies`: see {@linkcode readRef}.
   */
  constructor(
    limits: WireLimits,
    resolve: (address: RefAddress) => Ref<unknown>,
    views: boolean,
    shortReplies: boolean,
  ) {
    this.#shortReplies = shortReplies;
    this.#limits = limits;
    this.#resolve = resolve;
    this.#views = views;
  }

  /**
   * Checks the size that is announced for a payload.
   *
   * @throws {WireError} code `malformed` for a type that is not known, or `tooLarge`.
   */
  checkSize(type: number, length: number): void {
    if (!isKnownType(type)) throw malformed(`extension type ${type} is not known`, type);
    // The limit of a reference is that of its path.
    if (type === ExtensionType.ref) return;
    const limit = type === ExtensionType.wideString ? "maxString" : "maxBinary";
    const maximum = this.#limits[limit];
    if (length > maximum) throw tooLarge("a value", length, "bytes", limit, maximum);
  }

  /**
   * How to decode a payload of `length` bytes in pieces; undefined: in one. `from`: where it begins in
   * its memory; otherwise as {@linkcode LeafDecoder.decode}. Precondition: the size was checked.
   *
   * @throws {WireError} code `malformed`.
   */
  longLeafOf(type: number, length: number, from: number, shared: boolean): LongLeaf | undefined {
    if (length <= longestAtOnce) return undefined;
    if (type === ExtensionType.bigint) return new LongBigint(length);
    const kind = binaryKind(type);
    if (kind !== undefined) {
      if (shared && this.#views && isViewable(kind, from)) return undefined;
      checkElements(kind, length);
      return new LongBinary(kind, length);
    }
    if (type !== ExtensionType.wideString) return undefined;
    if (length % 2 !== 0) throw malformed("a UTF-16 string has an odd number of bytes");
    return new LongWideText(length);
  }

  /**
   * The value of the payload `bytes[start]` to `bytes[end - 1]`. `shared`: the bytes are not used
   * again, so that the value may show them.
   *
   * @throws {WireError} code `malformed`.
   */
  decode(type: number, bytes: Uint8Array, start: number, end: number, shared: boolean): unknown {
    switch (type) {
      case ExtensionType.undefined:
        return expectSize(end - start, 0, undefined);
      case ExtensionType.negativeZero:
        return expectSize(end - start, 0, -0);
      case ExtensionType.wideString:
        return decodeWideString(bytes, start, end);
      case ExtensionType.bigint:
        return decodeBigint(bytes, start, end);
      case ExtensionType.date:
        expectSize(end - start, 8, undefined);
        return new Date(viewOf(bytes, start, 8).getFloat64(0));
      case ExtensionType.ref:
        return this.#resolve(readRef(bytes, start, end, this.#limits.maxPath, this.#shortReplies));
      default:
        return decodeBinary(type, bytes, start, end, shared && this.#views);
    }
  }
}

/**
 * The address in the payload of a reference. With `shortReplies`, one of a reply reference has the
 * short form of its path: see `reply_path.ts`.
 *
 * @throws {WireError} code `malformed`.
 */
export function readRef(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxPath: number,
  shortReplies = false,
): RefAddress {
  const uid = readVarint(bytes, start, end);
  let at = start + varintSize(uid);
  const nodeLength = readVarint(bytes, at, end);
  at += varintSize(nodeLength);
  const pathStart = at + nodeLength;
  if (pathStart > end) throw malformed("a reference is cut short");
  if (nodeLength > maxPath || end - pathStart > maxPath) {
    throw malformed(`a reference is longer than maxPath ${maxPath}`);
  }
  const node = texts.read(bytes, at, pathStart);
  const isShort = shortReplies && isReplyPath(bytes, pathStart, end, uid);
  const path = isShort ? askPath : texts.read(bytes, pathStart, end);
  return { node, path, uid };
}

function expectSize<T>(length: number, size: number, value: T): T {
  if (length !== size) throw malformed(`an extension has ${length} bytes, not ${size}`);
  return value;
}

function viewOf(bytes: Uint8Array, start: number, length: number): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset + start, length);
}

function decodeBinary(
  type: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  asView: boolean,
): unknown {
  const kind = binaryKind(type)!;
  const length = end - start;
  checkElements(kind, length);
  const from = bytes.byteOffset + start;
  if (asView && length >= shortestView && isViewable(kind, from)) {
    return kind.show!(bytes.buffer as ArrayBuffer, from, length / kind.bytesPerElement);
  }
  return kind.make(copyOf(bytes, start, end).buffer);
}

function isViewable({ bytesPerElement, show }: BinaryKind, from: number): boolean {
  return show !== undefined && from % bytesPerElement === 0;
}

function checkElements({ bytesPerElement }: BinaryKind, length: number): void {
  if (length % bytesPerElement !== 0) throw malformed(`a typed array has ${length} bytes`);
}

function decodeWideString(bytes: Uint8Array, start: number, end: number): string {
  if ((end - start) % 2 !== 0) throw malformed("a UTF-16 string has an odd number of bytes");
  return decodeUtf16(bytes, start, end);
}

function decodeBigint(bytes: Uint8Array, start: number, end: number): bigint {
  const length = end - start;
  if (length === 8) return viewOf(bytes, start, 8).getBigInt64(0);
  if (length < 9 || bytes[start]! > 1) throw malformed("a bigint has a bad form");
  const magnitude = readMagnitude(bytes, start + 1, end);
  return bytes[start] === 1 ? -magnitude : magnitude;
}
