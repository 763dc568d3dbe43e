/**
 * Who coordinates: each coordinator that begins takes a number above all that it has heard of. A node
 * that has promised itself to a term takes no order of an earlier one, as acceptors do in Paxos
 * (Lamport), so a deposed coordinator can change nothing at nodes that its successor has asked.
 */
export type Term = readonly [count: number, by: string];

/** Before any other. */
export const noTerm: Term = [0, ""];

/** Orders terms; of equal numbers the address decides. */
export function compareTerms(a: Term, b: Term): number {
  if (a[0] !== b[0]) return a[0] - b[0];
  return a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0;
}

/** Whether whoever has promised itself to a term must refuse another: numbers are never used twice. */
export function isOutdated([count, by]: Term, [promised, to]: Term): boolean {
  return by === to ? count < promised : count <= promised;
}

/** Orders what one node says of its shards: its life, then a number that counts up. */
export type Stamp = readonly [life: number, count: number];

/** Negative if `a` was said before `b`. */
export function compareStamps(a: Stamp, b: Stamp): number {
  return a[0] !== b[0] ? a[0] - b[0] : a[1] - b[1];
}
