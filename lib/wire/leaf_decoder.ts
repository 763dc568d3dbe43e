import type { Ref, RefAddress } from "../actor/ref/ref.ts";
import { malformed, tooLarge } from "./errors.ts";
import { binaryKind, ExtensionType, isKnownType } from "./extension.ts";
import type { WireLimits } from "./limits.ts";
import { texts } from "./text.ts";
import { readVarint, varintSize } from "./varint.ts";

/** Reads the payloads of extensions that hold no other values. Nothing of the bytes is kept. */
export class LeafDecoder {
  readonly #limits: WireLimits;
  readonly #resolve: (address: RefAddress) => Ref<unknown>;

  /** `resolve` converts addresses to references. */
  constructor(limits: WireLimits, resolve: (address: RefAddress) => Ref<unknown>) {
    this.#limits = limits;
    this.#resolve = resolve;
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
   * The value of the payload `bytes[start]` to `bytes[end - 1]`.
   *
   * @throws {WireError} code `malformed`.
   */
  decode(type: number, bytes: Uint8Array, start: number, end: number): unknown {
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
        return this.#ref(bytes, start, end);
      default:
        return decodeBinary(type, bytes, start, end);
    }
  }

  #ref(bytes: Uint8Array, start: number, end: number): Ref<unknown> {
    const uid = readVarint(bytes, start, end);
    let at = start + varintSize(uid);
    const nodeLength = readVarint(bytes, at, end);
    at += varintSize(nodeLength);
    const pathStart = at + nodeLength;
    if (pathStart > end) throw malformed("a reference is cut short");
    const { maxPath } = this.#limits;
    if (nodeLength > maxPath || end - pathStart > maxPath) {
      throw malformed(`a reference is longer than maxPath ${maxPath}`);
    }
    const node = texts.read(bytes, at, pathStart);
    const path = texts.read(bytes, pathStart, end);
    return this.#resolve({ node, path, uid });
  }
}

function expectSize<T>(length: number, size: number, value: T): T {
  if (length !== size) throw malformed(`an extension has ${length} bytes, not ${size}`);
  return value;
}

function viewOf(bytes: Uint8Array, start: number, length: number): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset + start, length);
}

function decodeBinary(type: number, bytes: Uint8Array, start: number, end: number): unknown {
  const kind = binaryKind(type)!;
  const length = end - start;
  if (length % kind.bytesPerElement !== 0) throw malformed(`a typed array has ${length} bytes`);
  // A chunk may be a Buffer, whose own slice would share the memory.
  const from = bytes.byteOffset + start;
  return kind.make(bytes.buffer.slice(from, from + length) as ArrayBuffer);
}

function decodeWideString(bytes: Uint8Array, start: number, end: number): string {
  if ((end - start) % 2 !== 0) throw malformed("a UTF-16 string has an odd number of bytes");
  let text = "";
  // In pieces, because each unit is an argument.
  for (let at = start; at < end; at += 8_192) {
    const units: number[] = [];
    for (let i = at; i < Math.min(at + 8_192, end); i += 2) {
      units.push(bytes[i]! | (bytes[i + 1]! << 8));
    }
    text += String.fromCharCode(...units);
  }
  return text;
}

function decodeBigint(bytes: Uint8Array, start: number, end: number): bigint {
  const length = end - start;
  if (length === 8) return viewOf(bytes, start, 8).getBigInt64(0);
  if (length < 9 || bytes[start]! > 1) throw malformed("a bigint has a bad form");
  // A bigint of millions of digits must not take seconds: this is one pass of the engine's.
  const magnitude = BigInt("0x" + bytes.subarray(start + 1, end).toHex());
  return bytes[start] === 1 ? -magnitude : magnitude;
}
