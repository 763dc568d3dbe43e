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

/** Milliseconds of the Unix epoch at which numbers of terms begin: 2020-01-01. */
const firstTermAt = Date.UTC(2020, 0, 1);
/** Terms below this number have room for their epochs in 53 bits: 2^33, until the year 2047. */
const maxTerms = 8_589_934_592;
/** A day, in tenths of a second: the most by which clocks of nodes are expected to differ. */
const maxTermsAhead = 864_000;
/** How many terms a cluster may begin, faster than ten in a second, before nodes refuse them. */
const maxTermsAtOnce = 1_000_000;

/** Tenths of a second since 2020. */
function termOfTime(wallTime: number): number {
  return Math.floor((wallTime - firstTermAt) / 100);
}

/**
 * The number of a term that begins: above all that were seen, and at least the tenths of a second of
 * wall time since 2020. So epochs grow when a whole cluster has restarted, as far as its clocks do, and
 * no term comes twice, since a node does not restart and lead within a tenth of a second.
 *
 * @param wallTime milliseconds since the Unix epoch.
 */
export function nextTermCount(highest: number, wallTime: number): number {
  return Math.max(highest + 1, termOfTime(wallTime));
}

/**
 * Whether a term can have begun: a peer must not use up the numbers. `known` is the highest number
 * that this node has seen.
 *
 * @param wallTime milliseconds since the Unix epoch.
 */
export function isPlausibleTerm([count]: Term, known: number, wallTime: number): boolean {
  if (count >= maxTerms) return false;
  return count <= known + maxTermsAtOnce ||
    count <= termOfTime(wallTime) + maxTermsAhead;
}

/** Whether a value that a peer has sent is a term. */
export function isTerm(value: unknown): value is Term {
  return Array.isArray(value) && value.length === 2 && Number.isSafeInteger(value[0]) &&
    value[0] >= 0 && typeof value[1] === "string" && value[1].length <= 256;
}

/** Orders the reports and confirmations of one node: its incarnation, then a counter. */
export type Stamp = readonly [incarnation: number, count: number];

/** Whether a value that a peer has sent is a stamp. */
export function isStamp(value: unknown): value is Stamp {
  return Array.isArray(value) && value.length === 2 &&
    value.every((part) => Number.isSafeInteger(part) && part >= 0);
}

/** Negative if `a` was sent before `b`. */
export function compareStamps(a: Stamp, b: Stamp): number {
  return a[0] !== b[0] ? a[0] - b[0] : a[1] - b[1];
}
