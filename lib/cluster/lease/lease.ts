import type { DowningStrategy } from "../../membership/downing/downing.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { decideByLease } from "../../membership/downing/lease_majority.ts";

/** What a lease answers to who wants it. */
export type LeaseAnswer =
  | {
    /** Whether the asker has it now. */
    readonly granted: true;
    /**
     * Higher than any that was given before. Whoever guards something by this lease refuses those
     * who come with a lower one (fencing).
     */
    readonly token: number;
  }
  | {
    /** Whether the asker has it now. */
    readonly granted: false;
    /** Who has it. */
    readonly holder: string;
  };

/**
 * Something outside the cluster that at most one can hold at a time: a file on a shared disk, a row
 * in a database, a Kubernetes lease. It ends by itself some time after it was acquired, so that the
 * death of its holder does not lock it for ever; that time must be well above the 60 seconds for
 * which a side holds it.
 */
export interface Lease {
  /**
   * Takes the lease if nobody else holds it; whoever holds it already prolongs it. Rejects when the
   * store cannot be reached: the asker then does not have it, as far as it knows.
   */
  acquire(owner: string): Promise<LeaseAnswer>;
  /** Gives the lease back, if `owner` holds it. */
  release(owner: string): Promise<void>;
  /** Called by a node when it starts: the same lease on time and storage of its runtime. */
  readonly bind?: (runtime: LeaseRuntime) => Lease;
}

/** What a lease takes from the runtime of its node. */
export type LeaseRuntime = Pick<Runtime, "clock" | "storage">;

/** How sides compete for the lease. */
export interface LeaseMajorityOptions {
  /** Milliseconds that the smaller side waits, so that the larger asks first. Default 2 000. */
  readonly minorityDelay?: number;
}

/** A strategy that needs to ask a lease. */
export interface LeaseDowning extends DowningStrategy {
  /** The lease that decides. */
  readonly lease: Lease;
}

/**
 * The side of a partition that acquires the lease lives on, the other stops; the larger side asks
 * first. Works with any number of members, also two, and for any kind of partition, but needs
 * something outside the cluster. A side that cannot ask the lease for 10 seconds stops, because the
 * other may have been given it.
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
  return { ...decideByLease(options.minorityDelay), lease };
}

/** What a lease of this project keeps in its store. */
export interface LeaseRecord {
  /** Who has or had it; empty: it was given back. */
  readonly owner: string;
  /** Counts the times it was given to somebody else. */
  readonly token: number;
  /** When it ends by itself, milliseconds since the Unix epoch. */
  readonly until: number;
}

/** What becomes of a lease when somebody asks for it: the new record, if there is one. */
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

/** Reads a record from a store; undefined if it is none. */
export function parseLeaseRecord(value: unknown): LeaseRecord | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { owner, token, until } = value as Record<string, unknown>;
  if (typeof owner !== "string" || !Number.isSafeInteger(token)) return undefined;
  if (typeof until !== "number" || !Number.isFinite(until)) return undefined;
  return { owner, token: token as number, until };
}
