import { fnvOffset, fnvStep } from "../../runtime/fnv.ts";

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);

/** Hash of the event history (FNV-1a over words, in two lanes). */
export class TraceHash {
  #a = fnvOffset;
  #b = 0x9e3779b9;

  /** Adds a number. */
  number(value: number): void {
    float[0] = value;
    this.#word(words[0]!);
    this.#word(words[1]!);
  }

  /** Adds a text. */
  text(value: string): void {
    let [a, b] = [this.#a, this.#b];
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i);
      a = fnvStep(a, unit);
      b = otherStep(b, unit);
    }
    this.#a = a;
    this.#b = b;
  }

  /** Adds the length, the beginning and the end of the sent bytes. */
  bytes(bytes: Uint8Array): void {
    const { length } = bytes;
    let a = fnvStep(this.#a, length);
    let b = otherStep(this.#b, length);
    for (let i = 0; i < length; i++) {
      if (i === 16) i = Math.max(16, length - 16);
      a = fnvStep(a, bytes[i]!);
      b = otherStep(b, bytes[i]!);
    }
    this.#a = a;
    this.#b = b;
  }

  /** 16 hexadecimal digits. */
  toString(): string {
    return hex(this.#a) + hex(this.#b);
  }

  #word(word: number): void {
    this.#a = fnvStep(this.#a, word);
    this.#b = otherStep(this.#b, word);
  }
}

function otherStep(hash: number, word: number): number {
  return Math.imul((hash ^ word) + 0x7f4a7c15, 0x85ebca6b);
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
