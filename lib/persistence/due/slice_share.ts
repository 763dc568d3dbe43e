/**
 * Which slices of the store a node looks through. Each has a share of its own; all look now and then
 * for what is overdue in the shares of others, so that nodes need not agree about the shares: a share
 * whose node is gone, or has just started and does not look yet, costs lateness and nothing else.
 *
 * @module
 */

import { sliceCount, type SliceRange } from "../journal.ts";

/** The ranges of one node. */
export interface SliceShare {
  /** Undefined: there are more nodes than slices. */
  readonly own: SliceRange | undefined;
  readonly others: readonly SliceRange[];
}

/**
 * The share of a node among all that look.
 *
 * @param nodes their addresses, in any order. Without `self` among them it has all.
 */
export function sliceShare(nodes: readonly string[], self: string): SliceShare {
  const place = nodes.toSorted().indexOf(self);
  if (place < 0) return { own: { from: 0, to: sliceCount - 1 }, others: [] };
  const start = Math.floor(place * sliceCount / nodes.length);
  const end = Math.floor((place + 1) * sliceCount / nodes.length);
  const others = [{ from: 0, to: start - 1 }, { from: end, to: sliceCount - 1 }]
    .filter(({ from, to }) => from <= to);
  return { own: start < end ? { from: start, to: end - 1 } : undefined, others };
}
