import { resolveOptions } from "../../options/check_options.ts";
import { leaseTable } from "../../options/tables/cluster_tables.ts";
import { type Lease, type LeaseRecord, parseLeaseRecord } from "./lease.ts";
import type { LeaseOptions } from "./lease_file.ts";
import { leaseIn } from "./lease_register.ts";

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
  const { ttl, clock } = resolveOptions(leaseTable, options);
  const register = {
    name: key.join("/"),
    read: async () => {
      const { value, versionstamp } = await kv.get(key);
      return { record: parseLeaseRecord(value), version: versionstamp };
    },
    write: async (versionstamp: string | null, record: LeaseRecord) => {
      const { ok } = await kv.atomic().check({ key, versionstamp }).set(key, record).commit();
      return ok;
    },
  };
  return {
    ...leaseIn(register, ttl, clock),
    bind: ({ clock }) => kvLease(kv, key, { clock, ...options }),
  };
}
