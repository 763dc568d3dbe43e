import { type DowningStrategy, undisputed } from "./downing.ts";
import { majority } from "./keep_majority.ts";

/** How long the smaller side waits, so that the larger one requests first; milliseconds. */
const defaultMinorityDelay = 2_000;

/**
 * The side that acquires the lease survives; the larger side requests it first. The pure part of
 * the strategy `leaseMajority` of `lib/cluster/lease/lease.ts`, which holds the lease.
 */
export function decideByLease(
  minorityDelay: number = defaultMinorityDelay,
): DowningStrategy {
  return {
    name: "leaseMajority",
    decide(situation) {
      const early = undisputed(situation);
      if (early !== undefined) return early;
      const { wins, why } = majority(situation.members, situation.unreachable);
      return { outcome: "acquireLease", why, delay: wins ? 0 : minorityDelay };
    },
  };
}
