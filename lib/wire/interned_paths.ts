import { hashText } from "../runtime/fnv.ts";
import { malformed, tooLarge } from "./errors.ts";

/** Longest path that is interned, in UTF-16 units on the one end and bytes on the other. */
export const maxInternedPath = 255;

/** Times that a path is sent in full before it is given a number. */
const timesBefore = 2;
/** Paths that are counted at once. */
const maxCandidates = 1_024;

/**
 * The numbers that this end has given to actor paths on one connection, so that a path is sent once
 * and its number from then on. Only paths that are used again and again get one, and a number is
 * never given to another path. (Pekko's Artery compresses references in a like way.)
 */
export class PathNumbers {
  readonly #max: number;
  readonly #numbers = new Map<string, number>();
  readonly #paths: string[] = [];
  /**
   * Uses of paths, by their hash: a peer may have this end send to many long paths, which must not be
   * kept for each connection. One that shares its hash with another gets its number earlier.
   */
  #candidates = new Map<number, number>();

  /** `max`: largest number of paths; 0 disables interning. */
  constructor(max: number) {
    this.#max = max;
  }

  /** How many paths have a number. */
  get size(): number {
    return this.#paths.length;
  }

  /** The number of a path, or -1. */
  numberOf(path: string): number {
    return this.#numbers.get(path) ?? -1;
  }

  /** The path with a number that was given. */
  pathOf(number: number): string {
    return this.#paths[number]!;
  }

  /** Whether a path without a number is worth one; counts as a use of it. */
  isWorthOne(path: string): boolean {
    if (this.#paths.length >= this.#max || path.length > maxInternedPath) return false;
    const hash = hashText(path);
    const uses = this.#candidates.get(hash) ?? 0;
    if (uses >= timesBefore) return true;
    // Paths that are used once each must not pile up.
    if (uses === 0 && this.#candidates.size >= maxCandidates) this.#candidates = new Map();
    this.#candidates.set(hash, uses + 1);
    return false;
  }

  /** Gives a path the next number. */
  add(path: string): number {
    const number = this.#paths.length;
    this.#paths.push(path);
    this.#numbers.set(path, number);
    this.#candidates.delete(hashText(path));
    return number;
  }
}

/** The actor paths to which the far end of one connection has given numbers. */
export class NumberedPaths {
  readonly #max: number;
  readonly #paths: string[] = [];

  /** `max`: largest number of paths. */
  constructor(max: number) {
    this.#max = max;
  }

  /** How many paths have a number. */
  get size(): number {
    return this.#paths.length;
  }

  /**
   * Takes a path with the number that it was given: the next one.
   *
   * @throws {WireError} code `malformed` or `tooLarge`.
   */
  add(number: number, path: string, bytes: number): void {
    if (number !== this.#paths.length || number >= this.#max) {
      throw malformed("a path is given a number that is not the next", number);
    }
    if (bytes > 3 * maxInternedPath) {
      throw tooLarge("a path with a number", bytes, "bytes", "maxPath", 3 * maxInternedPath);
    }
    this.#paths.push(path);
  }

  /**
   * The path with a number.
   *
   * @throws {WireError} code `malformed` for a number that was not given.
   */
  get(number: number): string {
    const path = this.#paths[number];
    if (path === undefined) throw malformed("a path has a number that was not given", number);
    return path;
  }
}
