/**
 * Times of permits. Clocks may run wrong by 2 %, twice what leases of owners assume: a permit counts at the
 * limiter for longer than it is valid at the holder, whichever of the two clocks is fast.
 *
 * @module
 */

/** A clock may be wrong by this share. */
const drift = 0.02;

/** Milliseconds after the request within which a holder starts the work. */
export const permitTime = 1_000;
/** Milliseconds after a request within which a slot is valid at its holder. */
export const slotTime = 5_000;
/** Milliseconds after which a holder renews its slot. */
export const renewInterval = 1_500;

/** How long a time of a holder counts at the limiter, milliseconds. */
export function atLimiter(time: number): number {
  return time * (1 + drift) / (1 - drift) + 1;
}

/** How old, at least, is at the limiter what is so old on another clock, milliseconds. */
export function agedAtLimiter(age: number): number {
  return age * (1 - drift) / (1 + drift);
}

/** The milliseconds in which at most {@linkcode startsOf} starts are allowed, at the limiter. */
export function windowOf(perSecond: number): number {
  return Math.max(1_000, 1_000 / perSecond) * (1 + drift) + 1;
}

/** Starts that are allowed in a window. */
export function startsOf(perSecond: number): number {
  return Math.max(1, Math.floor(perSecond));
}

/** After that time a limiter without permits knows no less than one that never ended, milliseconds. */
export const longestMemory: number = windowOf(0.01) + atLimiter(Math.max(permitTime, slotTime));
