import { leaseMajorityDefaults } from "../../options/tables/cluster_tables.ts";
import { type DowningStrategy, undisputed } from "./downing.ts";
import { majority } from "./keep_majority.ts";

/**
 * The side that acquires the lease survives; the larger side requests it first. The pure part of
 * the strategy `leaseMajority` of `lib/cluster/lease/lease.ts`, which holds the lease.
 */
export function decideByLease(
  minorityDelay: number = leaseMajorityDefaults.minorityDelay,
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
