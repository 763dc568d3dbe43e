/**
 * The reign of one coordinator: each takes a number above all that it has seen. A node that has
 * acknowledged a term takes no grant of an earlier one, as acceptors do after a promise in Paxos
 * (Lamport), so a deposed coordinator can change nothing at nodes that have acknowledged its successor.
 */
export type Term = readonly [count: number, by: string];

/** Before any other. */
export const noTerm: Term = [0, ""];

/** Orders terms; of equal numbers the address decides. */
export function compareTerms(a: Term, b: Term): number {
  if (a[0] !== b[0]) return a[0] - b[0];
  return a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0;
}

/** Whether two terms are the same. */
export function sameTerm(a: Term, b: Term): boolean {
  return compareTerms(a, b) === 0;
}

/**
 * Whether a node that has acknowledged one term must refuse another: a number is never used twice by
 * one coordinator.
 */
export function isOutdated([count, by]: Term, [acknowledged, to]: Term): boolean {
  return by === to ? count < acknowledged : count <= acknowledged;
}

/** Orders the reports and confirmations of one node: its incarnation, then a counter. */
export type Stamp = readonly [incarnation: number, count: number];

/** Negative if `a` was sent before `b`. */
export function compareStamps(a: Stamp, b: Stamp): number {
  return a[0] !== b[0] ? a[0] - b[0] : a[1] - b[1];
}
