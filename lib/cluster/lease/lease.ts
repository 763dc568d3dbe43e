import { checkValue, resolveOptions } from "../../options/check_options.ts";
import { leaseMajorityTable, leaseType } from "../../options/tables/cluster_tables.ts";
import type { DowningStrategy } from "../../membership/downing/downing.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { decideByLease } from "../../membership/downing/lease_majority.ts";

/** The answer of a lease. */
export type LeaseAnswer =
  | {
    /** Whether the owner holds it now. */
    readonly granted: true;
    /**
     * Fencing token: higher than any granted before. A resource that the lease guards rejects
     * requests with a lower token.
     */
    readonly token: number;
  }
  | {
    /** Whether the owner holds it now. */
    readonly granted: false;
    /** The current holder. */
    readonly holder: string;
  };

/**
 * A lock outside the cluster with at most one holder: a file on a shared disk, a row in a database, a
 * Kubernetes lease. It expires some time after it was acquired, so that a dead holder does not block
 * it forever; that time must be well above the 60 seconds for which a side holds it.
 */
export interface Lease {
  /**
   * Acquires the lease if it is free; extends it if `owner` holds it. Rejects if the store is
   * unavailable: the owner must then assume that it does not hold the lease.
   */
  acquire(owner: string): Promise<LeaseAnswer>;
  /** Releases the lease, if `owner` holds it. */
  release(owner: string): Promise<void>;
  /** Called by a node when it starts: the same lease on time and storage of its runtime. */
  readonly bind?: (runtime: LeaseRuntime) => Lease;
}

/** What a lease takes from the runtime of its node. */
export type LeaseRuntime = Pick<Runtime, "clock" | "storage">;

/** Options of {@linkcode leaseMajority}. */
export interface LeaseMajorityOptions {
  /** Milliseconds that the smaller side waits, so that the larger requests first. Default 2 000. */
  readonly minorityDelay?: number;
}

/** A strategy with a lease. */
export interface LeaseDowning extends DowningStrategy {
  /** The deciding lease. */
  readonly lease: Lease;
}

/**
 * The side of a partition that acquires the lease survives, the other stops; the larger side
 * requests it first. Works with any number of members, including two, and for any partition, but
 * needs a store outside the cluster. A side that cannot reach the store for 10 seconds stops, because
 * the other side may have acquired the lease.
 *
 * @example
 * ```ts
 * import { fileLease, leaseMajority } from "@casty/casty";
 *
 * const downing = leaseMajority(fileLease("/mnt/shared/shop.lease"));
 * console.assert(downing.name === "leaseMajority");
 * ```
 */
export function leaseMajority(lease: Lease, options: LeaseMajorityOptions = {}): LeaseDowning {
  checkValue("lease", leaseType, lease);
  const { minorityDelay } = resolveOptions(leaseMajorityTable, options);
  return { ...decideByLease(minorityDelay), lease };
}

/** The stored state of a lease. */
export interface LeaseRecord {
  /** The holder, or the last one; empty: it was released. */
  readonly owner: string;
  /** Counts changes of the holder. */
  readonly token: number;
  /** Expiry, milliseconds since the Unix epoch. */
  readonly until: number;
}

/** Decides a request for the lease: the answer and the new record, if there is one. */
export function grantLease(
  record: LeaseRecord | undefined,
  owner: string,
  wallTime: number,
  ttl: number,
): { readonly answer: LeaseAnswer; readonly next?: LeaseRecord } {
  const held = record !== undefined && record.owner !== "" && wallTime < record.until;
  if (held && record.owner !== owner) {
    return { answer: { granted: false, holder: record.owner } };
  }
  const token = (record?.token ?? 0) + (held ? 0 : 1);
  return { answer: { granted: true, token }, next: { owner, token, until: wallTime + ttl } };
}

/** Parses a stored record; undefined if it is malformed. */
export function parseLeaseRecord(value: unknown): LeaseRecord | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { owner, token, until } = value as Record<string, unknown>;
  if (typeof owner !== "string" || !Number.isSafeInteger(token)) return undefined;
  if (typeof until !== "number" || !Number.isFinite(until)) return undefined;
  return { owner, token: token as number, until };
}
