/**
 * Decides when a connection ends because a certificate of its ends expires, and when the end that has
 * dialled replaces it before that. Pure: the time is an argument.
 *
 * A new connection shows the certificates that both ends have by then. If one of them was not
 * renewed, the new connection has the same end, and the next attempt comes after half of what is left.
 *
 * @module
 */

/** Milliseconds before the end at which a connection is replaced at the latest. */
const renewAhead = 60_000;
/** They are spread over so many milliseconds before: all clients of a node share its end. */
const renewSpread = 60_000;
/** Shortest time between two attempts, milliseconds. */
const minInterval = 1_000;
/** Longest time without a look at the clock, which may be set, milliseconds. */
const maxInterval = 3_600_000;

/** The state of a connection. Times are milliseconds since the Unix epoch. */
export interface ExpiringConnection {
  /** When the first certificate of both ends expires. */
  readonly validUntil: number;
  /** Milliseconds that it lives on after that. */
  readonly grace: number;
  /** Whether this end has dialled it. */
  readonly dialled: boolean;
  /** Places this connection among all others, in [0, 1). */
  readonly spread: number;
}

/** What is to be done now. */
export type ExpiryVerdict =
  /** Nothing; decide again after `delay` milliseconds. */
  | { readonly type: "wait"; readonly delay: number }
  /** Dial another connection in its place; then as above. */
  | { readonly type: "renew"; readonly delay: number }
  /** It has to end. */
  | { readonly type: "end" };

/** See the module's text. `isNew`: it has just opened. */
export function judgeExpiry(
  { validUntil, grace, dialled, spread }: ExpiringConnection,
  wallTime: number,
  isNew: boolean,
): ExpiryVerdict {
  const left = validUntil - wallTime;
  if (left + grace <= 0) return { type: "end" };
  const ahead = renewAhead + spread * renewSpread;
  if (!dialled || left < 2 * minInterval) {
    return { type: "wait", delay: Math.min(maxInterval, left + grace) };
  }
  if (left > ahead) return { type: "wait", delay: Math.min(maxInterval, left - ahead) };
  const delay = Math.max(minInterval, left / 2);
  return { type: isNew ? "wait" : "renew", delay };
}
