import { sameStore, type StoreId, storeKey } from "./replica_config.ts";

/**
 * What a store knows of how shards of a type begin. Kept once for each store and type, also by stores
 * without any copy; merged with what others know, never less.
 *
 * A shard without a copy is either new or lost. It is new only if every store in this list has promised
 * the epoch of the one that asks, and has no copy of it.
 */
export interface BootstrapRecord {
  /** Every store that could have been given a copy so far. Empty if `closed`. */
  readonly stores: readonly StoreId[];
  /** All shards of the type have begun: none is new any more. */
  readonly closed: boolean;
}

/** Stores that are listed, at most: with more the record is closed, and nothing begins without a person. */
export const maxBootstrapStores = 1_000;

/** Nothing is known. */
export const noBootstrap: BootstrapRecord = Object.freeze({ stores: [], closed: false });

/** All that two records know. The same object if `b` adds nothing to `a`. */
export function mergeBootstrap(a: BootstrapRecord, b: BootstrapRecord): BootstrapRecord {
  if (a.closed) return a;
  if (b.closed) return { stores: [], closed: true };
  const added = b.stores.filter((id) => !a.stores.some((other) => sameStore(id, other)));
  if (added.length === 0) return a;
  if (a.stores.length + added.length > maxBootstrapStores) return { stores: [], closed: true };
  const stores = [...a.stores, ...added].sort((x, y) => storeKey(x) < storeKey(y) ? -1 : 1);
  return { stores, closed: false };
}

/** Whether two records know the same. */
export function sameBootstrap(a: BootstrapRecord, b: BootstrapRecord): boolean {
  return a.closed === b.closed && a.stores.length === b.stores.length &&
    a.stores.every((id) => b.stores.some((other) => sameStore(id, other)));
}
