import { malformed } from "./errors.ts";

/** Keys that may collide; the time that a container takes grows with their square. */
const maxColliding = 4_096;

/**
 * Keeps a peer from sending a Set or Map whose keys all have the same hash, which would take the
 * engine minutes to fill. V8 hashes numbers and bigints without a seed, so that such keys can be
 * computed; strings it hashes with one, and objects by chance. (Crosby and Wallach, USENIX
 * Security 2003.)
 */
export class Collisions {
  readonly #buckets: Uint16Array;
  readonly #bigints = new Map<bigint, number>();

  private constructor(size: number) {
    this.#buckets = new Uint16Array(2 ** Math.ceil(Math.log2(size / 2)));
  }

  /** For a container of `size` keys; undefined if they are too few to matter. */
  static of(size: number): Collisions | undefined {
    return size > maxColliding ? new Collisions(size) : undefined;
  }

  /**
   * Counts a key that is about to be put in.
   *
   * @throws {WireError} code `malformed`.
   */
  add(key: unknown): void {
    let count = 0;
    if (typeof key === "number" && (key | 0) === key) {
      const bucket = integerHash(key) & (this.#buckets.length - 1);
      count = ++this.#buckets[bucket]!;
    } else if (typeof key === "bigint") {
      // The engine uses only these bits.
      const low = BigInt.asUintN(64, key);
      count = (this.#bigints.get(low) ?? 0) + 1;
      this.#bigints.set(low, count);
    }
    if (count > maxColliding) {
      throw malformed(`more than ${maxColliding} keys of a Set or Map have the same hash`);
    }
  }
}

/** V8's hash of a small integer. If V8 changes it, attacks have to change as well. */
function integerHash(key: number): number {
  let hash = (~key + (key << 15)) | 0;
  hash ^= hash >>> 12;
  hash = (hash + (hash << 2)) | 0;
  hash ^= hash >>> 4;
  hash = Math.imul(hash, 2057);
  return hash ^ (hash >>> 16);
}
