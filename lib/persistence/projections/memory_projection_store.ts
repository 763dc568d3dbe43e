import type { SliceRange } from "../journal.ts";
import { storeClosed } from "../journal_errors.ts";
import { type OffsetRow, takeOver } from "./offset_rows.ts";
import { fencedWorker } from "./projection_errors.ts";
import type { OpenedOffsets, ProjectionStore, SavedOffsets } from "./projection_store.ts";

interface Kept {
  paused: boolean;
  rows: OffsetRow[];
}

/**
 * Keeps offsets in the memory of this process: a projection begins with the first event when the
 * process starts, which suits views that are in memory as well, of one process. Nodes of a cluster need
 * a store that they share. Events are handled at least once: those since the last save come again when
 * a worker fails.
 *
 * @example
 * ```ts
 * import { memoryProjectionStore } from "@casty/casty/persistence";
 *
 * const store = memoryProjectionStore();
 * const { offsets, paused } = await store.open("totals", { from: 0, to: 1023 }, undefined);
 * console.assert(offsets.size === 0 && !paused);
 * ```
 */
export function memoryProjectionStore(): ProjectionStore {
  return new MemoryProjectionStore();
}

class MemoryProjectionStore implements ProjectionStore {
  readonly name = "memory";
  readonly #projections = new Map<string, Kept>();
  #closed = false;

  open(
    projection: string,
    range: SliceRange,
    grant: number | undefined,
  ): Promise<OpenedOffsets> {
    return this.#run(() => {
      const kept = this.#kept(projection);
      const overlaps = ({ from, to }: OffsetRow) => from <= range.to && to >= range.from;
      const replaced = kept.rows.filter(overlaps);
      const result = takeOver(replaced, range, grant);
      if (result.outcome === "fenced") throw fencedWorker(projection, range);
      const { own, rest } = result;
      kept.rows = [...kept.rows.filter((row) => !overlaps(row)), own, ...rest];
      const { fence, offsets } = own;
      return { fence, offsets, paused: kept.paused, opened: replaced.length > 0 };
    });
  }

  save(projection: string, { range, fence, offsets }: SavedOffsets): Promise<void> {
    return this.#run(() => {
      const { rows } = this.#kept(projection);
      const index = rows.findIndex(({ from, to }) => from === range.from && to === range.to);
      const row = rows[index];
      if (row?.fence !== fence) throw fencedWorker(projection, range);
      rows[index] = { ...row, offsets: new Map(offsets) };
    });
  }

  setPaused(projection: string, paused: boolean): Promise<void> {
    return this.#run(() => void (this.#kept(projection).paused = paused));
  }

  async reset(
    projection: string,
    clear: ((transaction: undefined) => void | Promise<void>) | undefined,
  ): Promise<void> {
    await this.#run(() => {
      const kept = this.#kept(projection);
      kept.rows = kept.rows.map((row) => ({ ...row, fence: row.fence + 1, offsets: new Map() }));
    });
    await clear?.(undefined);
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #kept(projection: string): Kept {
    let kept = this.#projections.get(projection);
    if (kept === undefined) {
      this.#projections.set(projection, kept = { paused: false, rows: [] });
    }
    return kept;
  }

  #run<T>(work: () => T): Promise<T> {
    return new Promise((resolve) => {
      if (this.#closed) throw storeClosed(this.name);
      resolve(work());
    });
  }
}
