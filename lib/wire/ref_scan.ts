import type { RefAddress } from "../actor/ref/ref.ts";
import { malformed } from "./errors.ts";
import { ExtensionType } from "./extension.ts";
import { readRef } from "./leaf_decoder.ts";

/** Values between two looks at whether a step is over. */
const checkedValues = 64;

/** What a {@linkcode RefScan} looks for. */
export interface RefSearch {
  /** Longest path or node name, bytes. */
  readonly maxPath: number;
  /** References to these paths are wanted. */
  readonly wanted: (path: string) => boolean;
  /** Most references that are found. */
  readonly most: number;
}

/**
 * Finds references in a message that is not decoded, because it exceeds a limit or a serializer has
 * refused it. Nothing is built and nothing nests: a value is passed over by its header, and a container
 * only adds to the number of values that are missing.
 */
export class RefScan {
  /** The references that were found. */
  readonly found: RefAddress[] = [];
  /** Values that were passed over. */
  values = 0;
  readonly #bytes: Uint8Array;
  readonly #options: RefSearch;
  readonly #end: number;
  #at: number;
  /** Values that were announced and not passed over. */
  #owed = 1;

  /** Scans `bytes[start]` to `bytes[end - 1]`, which must stay as they are. */
  constructor(bytes: Uint8Array, start: number, end: number, options: RefSearch) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#options = options;
  }

  /**
   * Scans on until `enough` says so, which is asked every 64 values. Returns whether the scan is over:
   * the message has ended, or as many references as wanted were found.
   *
   * @throws {WireError} code `malformed`.
   */
  step(enough: () => boolean): boolean {
    const { most } = this.#options;
    for (let left = checkedValues; this.#owed > 0 && this.found.length < most; left--) {
      if (left <= 0) {
        if (enough()) return false;
        left = checkedValues;
      }
      this.#pass();
    }
    if (this.#owed > 0 || this.#at === this.#end) return true;
    throw malformed(`${this.#end - this.#at} bytes follow the value`);
  }

  #pass(): void {
    const head = this.#bytes[this.#skip(1)]!;
    this.#owed--;
    this.values++;
    if (head < 0x80 || head >= 0xe0) return;
    if (head < 0x90) return this.#owe(2 * (head & 0x0f));
    if (head < 0xa0) return this.#owe(head & 0x0f);
    if (head < 0xc0) return void this.#skip(head & 0x1f);
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
        return void this.#skip(4);
      case 0xcb:
        return void this.#skip(8);
      case 0xcc:
      case 0xcd:
      case 0xce:
      case 0xcf:
        return void this.#skip(1 << (head - 0xcc));
      case 0xd0:
      case 0xd1:
      case 0xd2:
      case 0xd3:
        return void this.#skip(1 << (head - 0xd0));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (head - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return void this.#skip(this.#length(1 << (head - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#owe(this.#length(2 << (head - 0xdc)));
      case 0xde:
      case 0xdf:
        return this.#owe(2 * this.#length(2 << (head - 0xde)));
      default:
        throw malformed(`byte 0x${head.toString(16)} begins no value`);
    }
  }

  #owe(values: number): void {
    this.#owed += values;
    // Each value takes a byte at least.
    if (this.#owed > this.#end - this.#at) throw malformed("it is cut short");
  }

  #extension(length: number): void {
    const type = this.#bytes[this.#skip(1)]!;
    const from = this.#skip(length);
    if (type !== ExtensionType.ref) return;
    const address = readRef(this.#bytes, from, from + length, this.#options.maxPath);
    if (this.#options.wanted(address.path)) this.found.push(address);
  }

  /** Reads an unsigned big-endian number of 1, 2 or 4 bytes. */
  #length(size: number): number {
    const from = this.#skip(size);
    let length = 0;
    for (let i = from; i < from + size; i++) length = length * 256 + this.#bytes[i]!;
    return length;
  }

  /** Passes over `length` bytes; returns where they begin. */
  #skip(length: number): number {
    const at = this.#at;
    if (length > this.#end - at) throw malformed("it is cut short");
    this.#at = at + length;
    return at;
  }
}
