/**
 * The rule by which workers take slices over, once for all stores of offsets. Pure.
 *
 * A store keeps rows: each the offsets of a range of slices, with the fence of the worker that may save
 * them. Rows of one projection never overlap. Opening a range replaces all rows that overlap it, so
 * that a projection can get another number of workers while the earlier ones still run: each of them
 * finds its row gone, or with another fence, and saves nothing more.
 *
 * @module
 */
import { rules } from "../../runtime/rules.ts";
import type { SliceRange } from "../journal.ts";
import { isIn } from "./slice_ranges.ts";

/** By slice: the position of the last event that was handled. A slice that is missing has none. */
export type Offsets = ReadonlyMap<number, bigint>;

/** The offsets of a range, and who may save them. */
export interface OffsetRow extends SliceRange {
  /** Counts the openings. Only the worker that was told the present one saves. */
  readonly fence: number;
  /** The highest epoch of a grant that has opened this very range; 0: none has. */
  readonly grant: number;
  /** See {@linkcode Offsets}. */
  readonly offsets: Offsets;
}

/** The result of {@linkcode takeOver}. */
export type TakeOver =
  /** A worker with a later grant has the range. */
  | { readonly outcome: "fenced"; readonly grant: number }
  | {
    readonly outcome: "opened";
    /** The row of the worker. */
    readonly own: OffsetRow;
    /** What is left of rows that were wider. */
    readonly rest: readonly OffsetRow[];
  };

/**
 * A worker opens a range: `own` and `rest` replace `rows`. Checked in the same commit.
 *
 * @param rows all that overlap the range.
 * @param grant epoch of the grant of its shard; undefined: no cluster owns it.
 */
export function takeOver(
  rows: readonly OffsetRow[],
  range: SliceRange,
  grant: number | undefined,
): TakeOver {
  const { from, to } = range;
  const before = rows.find((row) => row.from === from && row.to === to);
  // Grants of other ranges are of other shards: they do not compare, so the last one to open wins.
  const isEarlier = grant !== undefined && before !== undefined && grant < before.grant;
  if (isEarlier && rules.earlierGrantsAreFenced) {
    return { outcome: "fenced", grant: before.grant };
  }
  const offsets = new Map<number, bigint>();
  const rest: OffsetRow[] = [];
  let fence = 0;
  for (const row of rows) {
    fence = Math.max(fence, row.fence);
    for (const [slice, position] of row.offsets) {
      if (isIn(range, slice)) offsets.set(slice, position);
    }
    if (row.from < from) rest.push(part(row, row.from, from - 1));
    if (row.to > to) rest.push(part(row, to + 1, row.to));
  }
  const own = {
    from,
    to,
    fence: rules.openingsFence ? fence + 1 : fence,
    grant: grant ?? before?.grant ?? 0,
    offsets,
  };
  return { outcome: "opened", own, rest };
}

function part(row: OffsetRow, from: number, to: number): OffsetRow {
  const offsets = new Map([...row.offsets].filter(([slice]) => isIn({ from, to }, slice)));
  return { from, to, fence: row.fence + 1, grant: 0, offsets };
}

/**
 * Offsets as a text: the position that most slices of the range have, then the others. In a store with
 * one order for all slices they are nearly always the same.
 */
export function writeOffsets({ from, to }: SliceRange, offsets: Offsets): string {
  const counts = new Map<bigint, number>();
  for (let slice = from; slice <= to; slice++) {
    const position = offsets.get(slice) ?? 0n;
    counts.set(position, (counts.get(position) ?? 0) + 1);
  }
  let [common, most] = [0n, 0];
  for (const [position, count] of counts) {
    if (count > most) [common, most] = [position, count];
  }
  const others: string[] = [];
  for (let slice = from; slice <= to; slice++) {
    const position = offsets.get(slice) ?? 0n;
    if (position !== common) others.push(`${slice}:${position}`);
  }
  return [common, ...others].join(" ");
}

/** The other way. */
export function readOffsets({ from, to }: SliceRange, text: string): Offsets {
  const [common, ...others] = text.split(" ");
  const offsets = new Map<number, bigint>();
  const set = (slice: number, position: bigint) => {
    if (position > 0n) offsets.set(slice, position);
    else offsets.delete(slice);
  };
  for (let slice = from; slice <= to; slice++) set(slice, BigInt(common!));
  for (const other of others) {
    const [slice, position] = other.split(":");
    set(Number(slice), BigInt(position!));
  }
  return offsets;
}
