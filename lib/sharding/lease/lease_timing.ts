/** Durations of leases, in milliseconds of a monotonic clock. */
export interface LeaseTiming {
  /** How long a lease lasts from the sending of the round that obtained it. Default 1 500. */
  readonly leaseDuration: number;
  /** Between two rounds of renewals. Default 250. */
  readonly renewInterval: number;
  /**
   * How old the last acknowledgement of a holder must be before its lease has ended on every clock.
   * Default {@linkcode takeoverWait} of 1 500: 1 630.
   */
  readonly takeoverWait: number;
  /**
   * How far wall time may gain on the monotonic clock before a holder takes it for the suspension of
   * its machine. Default 50; together with scheduling it must stay below the margin of `takeoverWait`.
   */
  readonly clockJump: number;
  /**
   * How long a voter must have been gone from the view before it counts as dead, unless a later
   * incarnation has replaced it. Default 5 000.
   */
  readonly lostVoterWait: number;
  /** After which a proposal that was not answered is sent again. Default 250. */
  readonly retryInterval: number;
}

/** The most by which a monotonic clock may be fast or slow: 1 %. */
export const maxClockDrift = 0.01;
/** What `takeoverWait` adds for suspensions that are too short to be noticed. */
const takeoverMargin = 100;

/**
 * How long after the last acknowledgement a lease of this duration has surely ended. The holder's
 * clock may be slow and the clocks of those who wait fast: at least duration * (1 + rho) / (1 - rho).
 */
export function takeoverWait(leaseDuration: number): number {
  return leaseDuration * (1 + 2 * maxClockDrift) + takeoverMargin;
}

/** The durations that hold unless a test sets others. */
export const defaultLeaseTiming: LeaseTiming = {
  leaseDuration: 1_500,
  renewInterval: 250,
  takeoverWait: takeoverWait(1_500),
  clockJump: 50,
  lostVoterWait: 5_000,
  retryInterval: 250,
};
