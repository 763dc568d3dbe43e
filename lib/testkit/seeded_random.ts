import { fnvOffset, fnvStep } from "../runtime/fnv.ts";
import type { Random } from "../runtime/random.ts";

/**
 * A generator whose whole sequence follows from one seed (xoshiro128**, seeded through
 * splitmix32; Blackman and Vigna). Not for secrets.
 *
 * @example
 * ```ts
 * import { SeededRandom } from "@casty/casty/testkit";
 *
 * console.assert(new SeededRandom(7).next() === new SeededRandom(7).next());
 * ```
 */
export class SeededRandom implements Random {
  readonly #state: Uint32Array = new Uint32Array(4);

  /** Any number or text may be a seed. */
  constructor(seed: number | string) {
    let mix = typeof seed === "number" ? seed >>> 0 : seedOf(seed);
    for (let i = 0; i < 4; i++) {
      mix = (mix + 0x9e3779b9) >>> 0;
      let z = mix;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      this.#state[i] = z ^ (z >>> 15);
    }
  }

  /** A number in [0, 1) with 32 random bits. */
  next(): number {
    return this.#word() / 0x1_0000_0000;
  }

  /** `length` bytes of the sequence. */
  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.#word() >>> 24;
    return bytes;
  }

  /** A separate generator for one part of a simulation, so that parts do not disturb each other. */
  fork(name: string): SeededRandom {
    return new SeededRandom(`${name}/${this.#state.join("/")}`);
  }

  #word(): number {
    const s = this.#state;
    const result = Math.imul(rotate(Math.imul(s[1]!, 5), 7), 9) >>> 0;
    const t = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    s[3] = rotate(s[3]!, 11);
    return result;
  }
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

function seedOf(text: string): number {
  let hash = fnvOffset;
  for (let i = 0; i < text.length; i++) hash = fnvStep(hash, text.charCodeAt(i));
  return hash >>> 0;
}
