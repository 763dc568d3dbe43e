/** How long to wait between attempts. Times in milliseconds. */
export interface BackoffOptions {
  /** Before the first repetition. */
  readonly min: number;
  /** The delay never grows beyond this, before jitter. */
  readonly max: number;
  /** How much longer each delay is than the one before. Default 2. */
  readonly factor?: number;
  /**
   * The delay is drawn from these two shares of the full one. `[0, 1]` is full jitter (Brooker, AWS
   * 2015). Default `[1, 1]`: no jitter.
   */
  readonly jitter?: readonly [from: number, to: number];
}

/**
 * Exponential back-off with jitter: the delay before the next attempt, milliseconds.
 *
 * @param attempt how many delays came before this one; at least 0.
 * @param random in [0, 1).
 */
export function backoffDelay(
  { min, max, factor = 2, jitter: [from, to] = [1, 1] }: BackoffOptions,
  attempt: number,
  random: number,
): number {
  // Beyond 52 doublings any sensible `max` is reached; the power stays finite.
  const full = Math.min(max, min * factor ** Math.min(attempt, 52));
  return full * (from + random * (to - from));
}
