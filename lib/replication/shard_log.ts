import { chainAfter, type LogPosition, logStart } from "./log_position.ts";

/** One entry of the log of a shard. */
export interface LogEntry extends LogPosition {
  /**
   * An operation on the journal in bytes, see `log_operation.ts`. Empty: the epoch begins here. The same
   * bytes at all copies.
   */
  readonly payload: Uint8Array;
}

/**
 * The entries that one node keeps of a shard, in memory. What was cut off at the front is in the journal of
 * the node.
 *
 * Invariant: the indexes of `entries` follow each other, the first one follows `base`, and epochs never go
 * back.
 */
export class ShardLog {
  #base: LogPosition;
  /** The first `#dropped` are forgotten; they are removed when they are as many as the others. */
  #entries: LogEntry[];
  #dropped = 0;
  #bytes = 0;

  /** Entries after a position. */
  constructor(base: LogPosition = logStart, entries: readonly LogEntry[] = []) {
    this.#base = base;
    this.#entries = [...entries];
    for (const { payload } of entries) this.#bytes += payload.length;
  }

  /** The position before the first entry that is kept. */
  get base(): LogPosition {
    return this.#base;
  }

  /** The position of the last entry. */
  get last(): LogPosition {
    return this.#entries.length > this.#dropped ? this.#entries.at(-1)! : this.#base;
  }

  /** How many bytes the payloads of the kept entries have. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The entry that would come next. Does not append it. */
  next(epoch: number, payload: Uint8Array): LogEntry {
    const { index, chain } = this.last;
    return { epoch, index: index + 1, chain: chainAfter(chain, epoch, payload), payload };
  }

  /** Appends an entry, which must be the next one. */
  append(entry: LogEntry): void {
    this.#entries.push(entry);
    this.#bytes += entry.payload.length;
  }

  /** The position at an index, if it is known. */
  at(index: number): LogPosition | undefined {
    if (index <= this.#base.index) return index === this.#base.index ? this.#base : undefined;
    return this.#entries[this.#dropped + index - this.#base.index - 1];
  }

  /** Whether the log has this entry, or ends before its first one there. */
  has({ epoch, index }: LogPosition): boolean {
    return this.at(index)?.epoch === epoch;
  }

  /** The last position up to an index whose epoch is not later. Undefined: it was cut off. */
  lastUpTo(index: number, epoch: number): LogPosition | undefined {
    let at = Math.min(index, this.last.index);
    for (; at > this.#base.index; at--) {
      const position = this.at(at)!;
      if (position.epoch <= epoch) return position;
    }
    return at === this.#base.index && this.#base.epoch <= epoch ? this.#base : undefined;
  }

  /** Entries after an index, in order: as many as have `maxBytes`, and at least one if there is one. */
  after(index: number, maxEntries: number, maxBytes: number): readonly LogEntry[] {
    const from = this.#dropped + index - this.#base.index;
    let to = from;
    let bytes = 0;
    while (to < this.#entries.length && to - from < maxEntries) {
      bytes += this.#entries[to]!.payload.length;
      if (bytes > maxBytes && to > from) break;
      to++;
    }
    return this.#entries.slice(from, to);
  }

  /** Removes the entries after an index. */
  cutAfter(index: number): void {
    const removed = this.#entries.splice(
      this.#dropped + Math.max(0, index - this.#base.index),
    );
    for (const { payload } of removed) this.#bytes -= payload.length;
  }

  /** Forgets the entries up to an index, which the journal has. */
  trimTo(index: number): void {
    const count = Math.min(index, this.last.index) - this.#base.index;
    if (count <= 0) return;
    const end = this.#dropped + count;
    const { epoch, index: last, chain } = this.#entries[end - 1]!;
    this.#base = { epoch, index: last, chain };
    for (let at = this.#dropped; at < end; at++) this.#bytes -= this.#entries[at]!.payload.length;
    this.#dropped = end;
    if (2 * end < this.#entries.length) return;
    this.#entries.splice(0, end);
    this.#dropped = 0;
  }

  /** Becomes empty: the next entry follows `base`. */
  reset(base: LogPosition): void {
    this.#base = base;
    this.#entries = [];
    this.#dropped = 0;
    this.#bytes = 0;
  }
}
