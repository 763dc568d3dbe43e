/** The last number and the highest epoch of an id, with all that is under way. */
export interface Head {
  epoch: number;
  lastSeq: number;
  /** The entry of the log that has changed it last. */
  index: number;
  /** It was asked for since it was looked at. */
  isUsed: boolean;
}

/** Ids of a shard whose heads are kept, about. */
export const maxHeads = 2_048;
/** Ids that one call looks at. */
const maxLooks = 64;

/**
 * The heads of a shard's ids that were written not long ago. The content has those of all ids, so that cold
 * ones are forgotten: a shard may have any number of ids. Second chance: one that was asked for since the
 * last look stays.
 */
export class JournalHeads {
  readonly #heads = new Map<string, Head>();
  /** Whether any was forgotten since the last `clear`. */
  hasForgotten = false;

  /** How many there are. */
  get size(): number {
    return this.#heads.size;
  }

  has(id: string): boolean {
    return this.#heads.has(id);
  }

  get(id: string): Head | undefined {
    const head = this.#heads.get(id);
    if (head !== undefined) head.isUsed = true;
    return head;
  }

  set(id: string, head: Head): void {
    this.#heads.set(id, head);
  }

  clear(): void {
    this.#heads.clear();
    this.hasForgotten = false;
  }

  /**
   * Forgets some, if there are too many.
   *
   * @param settled up to which index the log is acknowledged, and in the content: later heads stay.
   */
  forgetCold(settled: number): void {
    if (this.#heads.size <= maxHeads) return;
    let looks = 0;
    for (const [id, head] of this.#heads) {
      if (this.#heads.size <= maxHeads || ++looks > maxLooks) return;
      // The next look is at the others first.
      this.#heads.delete(id);
      if (head.isUsed || head.index > settled) {
        head.isUsed = false;
        this.#heads.set(id, head);
      } else this.hasForgotten = true;
    }
  }
}
