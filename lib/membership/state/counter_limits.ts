/**
 * How far a peer can raise the counters of the membership protocol. No counter can be used up: what a
 * peer may claim at once is a tiny part of the range, and the owner of a counter can always go one
 * further.
 *
 * | counter                              | raised by          | at most                             |
 * | ------------------------------------ | ------------------ | ----------------------------------- |
 * | `incarnation`                        | the member itself  | wall time and {@linkcode maxAhead}   |
 * | `seen.counter`, `version`,           | the member itself; | from others: {@linkcode maxJump}     |
 * | `refutation`, `statusRefutation`     | it outbids lies    | above what is known                  |
 * | `upNumber`                           | the leader, once   | {@linkcode maxJump} above the highest |
 *
 * Beyond that the claim is refused, its sender is logged and its rate limit is charged.
 *
 * @module
 */

/** How far others may raise a counter above what is known of it. */
export const maxJump = 2 ** 20;
/** How high others may claim a counter of a member that is not known. */
export const maxUnknown = 2 ** 40;
/**
 * Milliseconds that an incarnation may be ahead of the wall time of a node: nearly the whole range,
 * since clocks may be wrong by any amount. Time goes on, so an incarnation at the limit is followed by
 * a later one a millisecond later; the range is used up in the year 16 000.
 */
export const maxAhead = 8_500_000_000_000_000;

/** Whether another member may claim `claimed` of a counter that is known to be `known`. */
export function isPlausible(claimed: number, known: number | undefined): boolean {
  return claimed <= (known === undefined ? maxUnknown : known + maxJump);
}

/**
 * The next value of an own counter that outbids a claim of another; implausible claims do not count.
 *
 * @param isPreferred whether others take the claim instead of what is own, also under the same number.
 */
export function outbid(own: number, claimed: number, isPreferred = claimed > own): number {
  return isPreferred && isPlausible(claimed, own) ? claimed + 1 : own;
}
