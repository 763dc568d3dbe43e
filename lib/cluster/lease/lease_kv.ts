import { ClusterError } from "../errors.ts";
import { grantLease, type Lease, type LeaseRecord, parseLeaseRecord } from "./lease.ts";
import { checkLeaseOptions, type LeaseOptions } from "./lease_file.ts";

/** The part of a key-value store that a lease uses; `Deno.Kv` has it. */
export interface LeaseStore {
  /** The value at a key, and its version. */
  get(key: readonly string[]): Promise<{
    readonly value: unknown;
    readonly versionstamp: string | null;
  }>;
  /** Starts an atomic transaction. */
  atomic(): LeaseTransaction;
}

/** A transaction of a {@linkcode LeaseStore}. */
export interface LeaseTransaction {
  /** Fails the transaction if the key has another version on commit. */
  check(entry: { readonly key: readonly string[]; readonly versionstamp: string | null }): this;
  /** Sets a value. */
  set(key: readonly string[], value: unknown): this;
  /** Commits the transaction. */
  commit(): Promise<{ readonly ok: boolean }>;
}

/** Attempts of a transaction that conflicts with others. */
const maxAttempts = 20;

/**
 * A lease in Deno KV, for nodes that share a KV database. It takes an opened database, so that only
 * users of this function need `--unstable-kv`.
 *
 * @param kv an opened database; the caller closes it.
 * @param key the same on all nodes of a cluster.
 * @throws {OptionError}
 *
 * @example
 * ```ts
 * import { kvLease, type LeaseStore, leaseMajority } from "@casty/casty";
 *
 * // With --unstable-kv: const kv = await Deno.openKv("https://...");
 * const downingWith = (kv: LeaseStore) => leaseMajority(kvLease(kv, ["shop", "lease"]));
 * console.assert(typeof downingWith === "function");
 * ```
 */
export function kvLease(
  kv: LeaseStore,
  key: readonly string[],
  options: LeaseOptions = {},
): Lease {
  const { ttl, clock } = checkLeaseOptions(options);
  const change = async <T>(
    decide: (record: LeaseRecord | undefined) => {
      readonly answer: T;
      readonly next?: LeaseRecord;
    },
  ): Promise<T> => {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const { value, versionstamp } = await kv.get(key);
      const { answer, next } = decide(parseLeaseRecord(value));
      if (next === undefined) return answer;
      const { ok } = await kv.atomic().check({ key, versionstamp }).set(key, next).commit();
      if (ok) return answer;
    }
    throw new ClusterError(
      "leaseUnusable",
      `the lease was changed by others ${maxAttempts} times in a row`,
      { value: key },
    );
  };
  return {
    acquire: (owner) => change((record) => grantLease(record, owner, clock.wallTime(), ttl)),
    release: (owner) =>
      change((record) =>
        record?.owner === owner
          ? { answer: undefined, next: { ...record, owner: "" } }
          : { answer: undefined }
      ),
  };
}
