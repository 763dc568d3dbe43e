/**
 * How the slices of a projection are divided among its workers. Pure.
 *
 * @module
 */
import type { SliceRange } from "../journal.ts";

/** Ranges of nearly equal size, one for each worker; fewer if there are not as many slices. */
export function divideSlices({ from, to }: SliceRange, workers: number): SliceRange[] {
  const size = to - from + 1;
  const count = Math.min(workers, size);
  return Array.from({ length: count }, (_, index) => ({
    from: from + Math.floor(index * size / count),
    to: from + Math.floor((index + 1) * size / count) - 1,
  }));
}

/** Whether a slice is in a range. */
export function isIn({ from, to }: SliceRange, slice: number): boolean {
  return from <= slice && slice <= to;
}
