/**
 * Keys for maps that outlive a message and whose keys are chosen by peers. V8 hashes numbers and
 * strings of digits without a seed, so that a peer can make them collide; other strings it hashes
 * with a seed that nobody knows.
 *
 * @module
 */

/** A key that stands for a text: the text, unless it may be a number. */
export function hashKey(text: string): string {
  const first = text.charCodeAt(0);
  // The prefix itself is among them, so that no two texts have one key.
  return (first >= 0x30 && first <= 0x39) || first === 0 ? `\0${text}` : text;
}

/** A Map whose keys are numbers that a peer chooses. */
export class PeerNumberMap<V> {
  readonly #entries = new Map<string, { readonly number: number; readonly value: V }>();

  /** How many entries there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** The value of a number. */
  get(number: number): V | undefined {
    return this.#entries.get(keyOf(number))?.value;
  }

  /** Whether there is a value for a number. */
  has(number: number): boolean {
    return this.#entries.has(keyOf(number));
  }

  /** Sets the value of a number. */
  set(number: number, value: V): void {
    this.#entries.set(keyOf(number), { number, value });
  }

  /** Removes a number; answers whether it was there. */
  delete(number: number): boolean {
    return this.#entries.delete(keyOf(number));
  }

  /** Removes all. */
  clear(): void {
    this.#entries.clear();
  }

  /** Numbers and values, in the order in which they were set. */
  *[Symbol.iterator](): IterableIterator<[number, V]> {
    for (const { number, value } of this.#entries.values()) yield [number, value];
  }
}

function keyOf(number: number): string {
  return `#${number}`;
}
