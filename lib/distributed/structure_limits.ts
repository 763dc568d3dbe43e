/** Bounds of the structures of a group; see `system.distributed`. */
export interface StructureLimits {
  /** Bytes of one value of a map, or of one item of a queue. Default 65 536. */
  readonly maxValueBytes: number;
  /** Entries of one map, values of one set, items of one queue. Default 50 000. */
  readonly maxEntries: number;
  /** Bytes of all keys and values of one structure. Default 8 388 608. */
  readonly maxBytes: number;
  /** Acquirers or parties that wait for one lock, semaphore or barrier. Default 10 000. */
  readonly maxWaiters: number;
  /**
   * The same of clients with one certificate; of a lock or semaphore, those that hold it count too. Default
   * 1 000.
   */
  readonly maxWaitersPerIdentity: number;
  /** Structures that run at one node. Default 100 000. */
  readonly maxStructures: number;
  /** Structures that clients with one certificate were the first to use at one node. Default 10 000. */
  readonly maxStructuresPerIdentity: number;
  /** Bytes of all of these structures, with 64 more for each entry. Default 268 435 456. */
  readonly maxBytesPerIdentity: number;
}

/** Bytes of memory that an entry takes besides its key and value, about. */
const entryOverhead = 64;

/** Counts what a structure keeps, and says when that is too much. */
export class ContentSize {
  readonly #limits: StructureLimits;
  entries = 0;
  bytes = 0;

  constructor(limits: StructureLimits) {
    this.#limits = limits;
  }

  /** Bytes of memory, about. */
  get memory(): number {
    return this.bytes + this.entries * entryOverhead;
  }

  /** Why one more value of so many bytes cannot be kept; undefined: it can. */
  refuses(valueBytes: number, moreBytes: number, moreEntries: number): string | undefined {
    const { maxValueBytes, maxEntries, maxBytes } = this.#limits;
    if (valueBytes > maxValueBytes) {
      return `a value of ${valueBytes} bytes is longer than maxValueBytes (${maxValueBytes})`;
    }
    if (this.entries + moreEntries > maxEntries) {
      return `it has maxEntries (${maxEntries}) entries`;
    }
    if (moreBytes > 0 && this.bytes + moreBytes > maxBytes) {
      return `it would have more than maxBytes (${maxBytes})`;
    }
  }
}
