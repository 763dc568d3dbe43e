import { isPlausibleTerm, type Term } from "./term.ts";

/** Grants of one type that a coordinator can make before it has to begin a new term: 2^20. */
export const epochsPerTerm = 1_048_576;

/**
 * Epochs of a term are above it. A deposed coordinator may have made grants that no node reports to its
 * successor: their epochs must differ, the later above the earlier.
 */
export function epochBefore([count]: Term): number {
  return (count - 1) * epochsPerTerm;
}

/** The number of the term in which a grant with this epoch was made. */
export function termCountOf(epoch: number): number {
  return Math.floor(epoch / epochsPerTerm) + 1;
}

/**
 * Whether a grant with this epoch can have been made: a peer must not name one that no true grant will
 * ever overrule. There is room for one more term above it, whose epochs are all later.
 *
 * @param known the highest number of a term that this node has seen.
 * @param wallTime milliseconds since the Unix epoch.
 */
export function isPlausibleEpoch(epoch: number, known: number, wallTime: number): boolean {
  return isPlausibleTerm([termCountOf(epoch) + 1, ""], known, wallTime);
}
