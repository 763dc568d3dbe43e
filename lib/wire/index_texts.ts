import { malformed } from "./errors.ts";

/** No index has more digits. */
const longestIndex = 10;
/** The largest index of the engine. */
const lastIndex = 4_294_967_294;
/** Texts are counted by as many of their low bits. */
const classes = 65_536;
/**
 * Meetings that the keys of one message may have: so many in any case, and so many for each key. One
 * takes some 10 ns, so that these are about 10 ms and 0.3 us a key.
 */
const freeMeetings = 1_048_576;
const meetingsPerKey = 32;

/**
 * Bounds the work of texts of digits as keys of a Map or Set, by counting. The engine takes the number
 * itself as their hash, without a seed, and only its low bits count: in the buckets of the container and
 * in the engine's table of strings, texts with equal low bits meet all the earlier ones. (Objects keep
 * such keys as indexes, with a seed.) Numbers in sequence, and multiples of ordinary units, meet few.
 *
 * Pure: the same keys are always refused or not.
 */
export class IndexTexts {
  /** How many texts have these low bits. Made for the first message that needs it. */
  #counts: Uint16Array | undefined;
  #keys = 0;
  #meetings = 0;

  /** Another message begins. */
  begin(): void {
    if (this.#keys === 0) return;
    this.#keys = 0;
    this.#meetings = 0;
    this.#counts!.fill(0);
  }

  /**
   * A text was inserted. Texts that are no index are not counted.
   *
   * @throws {WireError} code `malformed`, if too many have met.
   */
  add(text: string): void {
    const index = indexOf(text);
    if (index < 0) return;
    const counts = this.#counts ??= new Uint16Array(classes);
    const place = index % classes;
    const met = counts[place]!;
    if (met < 0xffff) counts[place] = met + 1;
    this.#keys++;
    this.#meetings += met;
    if (this.#meetings <= freeMeetings + meetingsPerKey * this.#keys) return;
    throw malformed(
      `keys of a Map or Set collide: ${this.#keys} texts of digits have met ${this.#meetings} times`,
    );
  }
}

/** The index that a text is for the engine, or -1. */
function indexOf(text: string): number {
  const { length } = text;
  if (length > longestIndex || length === 0) return -1;
  let index = text.charCodeAt(0) - 0x30;
  if (index < 0 || index > 9 || (index === 0 && length > 1)) return -1;
  for (let i = 1; i < length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    index = index * 10 + digit;
  }
  return index <= lastIndex ? index : -1;
}
