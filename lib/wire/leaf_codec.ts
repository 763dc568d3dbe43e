import { ExtData, type ExtensionCodecType } from "@msgpack/msgpack";
import { Ref, type RefAddress } from "../actor/ref.ts";
import { malformed, WireError } from "./errors.ts";
import { binaryKind, binaryType, ExtensionType, isMark, Mark } from "./extension.ts";
import type { WireLimits } from "./limits.ts";
import { texts, writeText } from "./text.ts";
import { MAX_VARINT, readVarint, varintSize, writeVarint } from "./varint.ts";

/**
 * Writes and reads the payloads of extensions. The encoder asks it about each object and copies
 * the answer at once, so one scratch buffer serves all.
 */
export class LeafCodec implements ExtensionCodecType<undefined> {
  readonly #resolve: (address: RefAddress) => Ref<unknown>;
  readonly #onRefEncoded: ((ref: Ref<never>) => void) | undefined;
  readonly #maxPath: number;
  readonly #scratch: Uint8Array;
  readonly #view: DataView;

  /** Whether a mark was read since this was last set to false. */
  markSeen = false;

  /** Makes a codec for leaves; `resolve` turns addresses into references. */
  constructor(
    limits: WireLimits,
    resolve: (address: RefAddress) => Ref<unknown>,
    onRefEncoded: ((ref: Ref<never>) => void) | undefined,
  ) {
    this.#resolve = resolve;
    this.#onRefEncoded = onRefEncoded;
    this.#maxPath = limits.maxPath;
    this.#scratch = new Uint8Array(2 * MAX_VARINT + 2 * limits.maxPath);
    this.#view = new DataView(this.#scratch.buffer);
  }

  /** The extension for `value`, or null for what msgpack has a form for. */
  tryToEncode(value: unknown): ExtData | null {
    if (typeof value === "bigint") return this.#encodeBigint(value);
    if (typeof value !== "object" || value === null) return null;
    const prototype: unknown = Object.getPrototypeOf(value);
    // By far the most frequent first.
    if (prototype === Object.prototype || prototype === Array.prototype) return null;
    if (value instanceof ExtData) return value;
    if (value instanceof Ref) return this.#encodeRef(value);
    if (prototype === Date.prototype) {
      this.#view.setFloat64(0, (value as Date).getTime());
      return new ExtData(ExtensionType.date, this.#scratch.subarray(0, 8));
    }
    const type = prototype === null ? undefined : binaryType(prototype as object);
    return type === undefined ? null : new ExtData(type, bytesOf(value as BufferSource));
  }

  /** The value of an extension. Nothing of `data` is kept. */
  decode(data: Uint8Array, type: number): unknown {
    switch (type) {
      case ExtensionType.undefined:
        return expectSize(data, 0, undefined);
      case ExtensionType.negativeZero:
        return expectSize(data, 0, -0);
      case ExtensionType.wideString:
        return decodeWideString(data);
      case ExtensionType.bigint:
        return decodeBigint(data);
      case ExtensionType.date:
        expectSize(data, 8, undefined);
        return new Date(new DataView(data.buffer, data.byteOffset, 8).getFloat64(0));
      case ExtensionType.ref:
        return this.#decodeRef(data);
    }
    if (isMark(type)) {
      this.markSeen = true;
      return Mark.of(type);
    }
    const kind = binaryKind(type);
    if (kind === undefined) throw malformed(`extension type ${type} is not known`, type);
    if (data.length % kind.bytesPerElement !== 0) {
      throw malformed(`a typed array has ${data.length} bytes`);
    }
    const { buffer, byteOffset } = data;
    return kind.make(buffer.slice(byteOffset, byteOffset + data.length) as ArrayBuffer);
  }

  #encodeRef(ref: Ref<never>): ExtData {
    // First the callback: it may encode something itself, and with it use the scratch buffer.
    this.#onRefEncoded?.(ref);
    const { node, path, uid } = ref;
    if (!Number.isSafeInteger(uid) || uid < 0) {
      throw new WireError("notSerializable", `a reference has uid ${uid}`, {
        value: uid,
        remedy: "use a whole number from 0 to 2^53 - 1",
      });
    }
    const out = this.#scratch;
    const nodeStart = MAX_VARINT + MAX_VARINT;
    const nodeEnd = writeText(node, out, nodeStart, this.#maxPath, "maxPath");
    const end = writeText(path, out, nodeEnd, this.#maxPath, "maxPath");
    // The lengths are known only now: write the numbers so that they end where the node begins.
    const nodeLength = nodeEnd - nodeStart;
    const start = nodeStart - varintSize(nodeLength) - varintSize(uid);
    writeVarint(nodeLength, out, writeVarint(uid, out, start));
    return new ExtData(ExtensionType.ref, out.subarray(start, end));
  }

  #decodeRef(data: Uint8Array): Ref<unknown> {
    const size = data.length;
    const uid = readVarint(data, 0, size);
    let at = varintSize(uid);
    const nodeLength = readVarint(data, at, size);
    at += varintSize(nodeLength);
    const pathStart = at + nodeLength;
    if (pathStart > size) throw malformed("a reference is cut short");
    if (nodeLength > this.#maxPath || size - pathStart > this.#maxPath) {
      throw malformed(`a reference is longer than maxPath ${this.#maxPath}`);
    }
    const node = texts.read(data, at, pathStart);
    const path = texts.read(data, pathStart, size);
    return this.#resolve({ node, path, uid });
  }

  #encodeBigint(value: bigint): ExtData {
    if (BigInt.asIntN(64, value) === value) {
      this.#view.setBigInt64(0, value);
      return new ExtData(ExtensionType.bigint, this.#scratch.subarray(0, 8));
    }
    const negative = value < 0n;
    const digits = (negative ? -value : value).toString(16);
    const size = Math.ceil(digits.length / 2);
    const hex = digits.padStart(2 * size, "0");
    const bytes = new Uint8Array(1 + size);
    bytes[0] = negative ? 1 : 0;
    for (let i = 0; i < size; i++) bytes[1 + i] = parseInt(hex.slice(2 * i, 2 * i + 2), 16);
    return new ExtData(ExtensionType.bigint, bytes);
  }
}

function expectSize<T>(data: Uint8Array, size: number, value: T): T {
  if (data.length !== size) throw malformed(`an extension has ${data.length} bytes, not ${size}`);
  return value;
}

function bytesOf(value: BufferSource): Uint8Array {
  // Throws when the buffer was transferred away, which byteLength alone would show as empty.
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
}

function decodeWideString(data: Uint8Array): string {
  if (data.length % 2 !== 0) throw malformed("a UTF-16 string has an odd number of bytes");
  let text = "";
  // In pieces, because each unit is an argument.
  for (let at = 0; at < data.length; at += 8_192) {
    const units: number[] = [];
    for (let i = at; i < Math.min(at + 8_192, data.length); i += 2) {
      units.push(data[i]! | (data[i + 1]! << 8));
    }
    text += String.fromCharCode(...units);
  }
  return text;
}

function decodeBigint(data: Uint8Array): bigint {
  if (data.length === 8) return new DataView(data.buffer, data.byteOffset, 8).getBigInt64(0);
  if (data.length < 9 || data[0]! > 1) throw malformed("a bigint has a bad form");
  const digits: string[] = new Array(data.length - 1);
  for (let i = 1; i < data.length; i++) digits[i - 1] = data[i]!.toString(16).padStart(2, "0");
  const magnitude = BigInt("0x" + digits.join(""));
  return data[0] === 1 ? -magnitude : magnitude;
}
