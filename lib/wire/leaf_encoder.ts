import type { Ref } from "../actor/ref/ref.ts";
import { tooLarge, WireError } from "./errors.ts";
import { ExtensionType } from "./extension.ts";
import type { WireLimits } from "./limits.ts";
import type { Output } from "./output.ts";
import { Refusal } from "./refusal.ts";
import { varintSize, writeVarint } from "./varint.ts";

/** Writes the values that are extensions and hold no other values. */
export class LeafEncoder {
  readonly #limits: WireLimits;
  readonly #out: Output;
  readonly #onRef: ((ref: Ref<never>) => void) | undefined;

  constructor(limits: WireLimits, out: Output, onRef: ((ref: Ref<never>) => void) | undefined) {
    this.#limits = limits;
    this.#out = out;
    this.#onRef = onRef;
  }

  /** A reference. */
  ref(ref: Ref<never>): void {
    // First the callback: from then on the address may be another one.
    this.#onRef?.(ref);
    const { node, wirePath: path, uid } = ref;
    if (!Number.isSafeInteger(uid) || uid < 0) {
      throw new WireError("notSerializable", `a reference has uid ${uid}`, {
        value: uid,
        remedy: "use a whole number from 0 to 2^53 - 1",
      });
    }
    this.#checkAddress(node.length, node);
    this.#checkAddress(path.length, path);
    const out = this.#out;
    const before = out.size;
    this.#refHead(uid, node.length, path.length);
    // Nearly all are ASCII; the sizes are those of the texts then.
    if (out.ascii(node) && out.ascii(path)) return;
    out.rewind(before);
    const nodeSize = this.#checkAddress(out.sizeOf(node), node);
    const pathSize = this.#checkAddress(out.sizeOf(path), path);
    this.#refHead(uid, nodeSize, pathSize);
    out.wellFormed(node, nodeSize);
    out.wellFormed(path, pathSize);
  }

  /** A point in time. */
  date(date: Date): void {
    const time = date.getTime();
    this.#out.extension(ExtensionType.date, 8);
    this.#out.float64(time);
  }

  /** An integer of any size. */
  bigint(value: bigint): void {
    const out = this.#out;
    if (BigInt.asIntN(64, value) === value) {
      out.extension(ExtensionType.bigint, 8);
      return out.int64(value);
    }
    const negative = value < 0n;
    const digits = (negative ? -value : value).toString(16);
    const size = Math.ceil(digits.length / 2);
    this.#checkBinary(1 + size);
    out.extension(ExtensionType.bigint, 1 + size);
    out.byte(negative ? 1 : 0);
    out.raw(Uint8Array.fromHex(digits.padStart(2 * size, "0")));
  }

  /** A typed array, `DataView` or `ArrayBuffer`; `type` is its extension type. */
  binary(type: number, value: BufferSource): void {
    this.#checkBinary(value.byteLength);
    // Throws when the buffer was transferred away, which byteLength alone would show as empty.
    const bytes = ArrayBuffer.isView(value)
      ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
      : new Uint8Array(value);
    this.#out.extension(type, bytes.length);
    this.#out.raw(bytes);
  }

  /** A string that UTF-8 cannot carry. */
  wideText(text: string): void {
    const size = 2 * text.length;
    const { maxString } = this.#limits;
    if (size > maxString) {
      throw new Refusal((where) =>
        tooLarge(`${where}: a string`, size, "bytes", "maxString", maxString)
      );
    }
    const out = this.#out;
    out.extension(ExtensionType.wideString, size);
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      out.byte(unit);
      out.byte(unit >>> 8);
    }
  }

  #refHead(uid: number, nodeSize: number, pathSize: number): void {
    const out = this.#out;
    const size = varintSize(uid) + varintSize(nodeSize) + nodeSize + pathSize;
    out.extension(ExtensionType.ref, size);
    out.at = writeVarint(nodeSize, out.bytes, writeVarint(uid, out.bytes, out.at));
  }

  #checkAddress(size: number, text: string): number {
    const { maxPath } = this.#limits;
    if (size > maxPath) throw tooLarge("a path or node name", size, "bytes", "maxPath", maxPath);
    if (text.isWellFormed()) return size;
    throw new WireError("notSerializable", "a path or node name holds half a surrogate pair", {
      value: text,
      remedy: "use well-formed text",
    });
  }

  #checkBinary(size: number): void {
    const { maxBinary } = this.#limits;
    if (size <= maxBinary) return;
    throw new Refusal((where) =>
      tooLarge(`${where}: a value`, size, "bytes", "maxBinary", maxBinary)
    );
  }
}
