import { rules } from "../runtime/rules.ts";

/**
 * One store of copies at one node. A node that has lost its disk, or a process that kept its copies in
 * memory, comes back with another number: what the lost store has confirmed, the new one never had.
 */
export interface StoreId {
  /** Address of the node. */
  readonly address: string;
  /**
   * Wall time in milliseconds when the store was made, and kept in it: a later store at an address has a
   * higher number. Of an address only the latest store is left.
   */
  readonly store: number;
}

/** Orders configurations of a shard: the epoch of the owner that made it, then a counter. */
export type ReplicaVersion = readonly [epoch: number, count: number];

/** Copies that have entries together. */
export interface ReplicaSet {
  /** Each store once; at least one. */
  readonly inSync: readonly StoreId[];
  /** How many copies besides one have an entry that is acknowledged. From 0; 0 only without replicas. */
  readonly minAcks: number;
}

/**
 * Which copies of a shard count. Stored by the copies themselves; the coordinator proposes the nodes and
 * remembers nothing.
 */
export interface ReplicaConfig extends ReplicaSet {
  readonly version: ReplicaVersion;
  /**
   * The sets before, while the copies change: decisions need the copies of all (Raft, joint consensus;
   * Vertical Paxos II, a ballot that is not complete yet).
   */
  readonly previous?: readonly ReplicaSet[];
}

/** Sets before the present one, at most. */
export const maxPreviousSets = 8;

/** Identifies a store in maps. */
export function storeKey({ address, store }: StoreId): string {
  return `${address}/${store}`;
}

/** Whether two ids name the same store. */
export function sameStore(a: StoreId, b: StoreId): boolean {
  if (!rules.lostStoresAreOthers) return a.address === b.address;
  return a.store === b.store && a.address === b.address;
}

/** Negative if `a` is the older one. */
export function compareReplicaVersions(a: ReplicaVersion, b: ReplicaVersion): number {
  return a[0] - b[0] || a[1] - b[1];
}

/** All stores that count, each once. */
export function storesOf(config: ReplicaConfig): readonly StoreId[] {
  if (config.previous === undefined) return config.inSync;
  const stores = new Map<string, StoreId>();
  for (const { inSync } of setsOf(config)) for (const id of inSync) stores.set(storeKey(id), id);
  return [...stores.values()];
}

/** The sets of which each has to agree. */
export function setsOf({ inSync, minAcks, previous }: ReplicaConfig): readonly ReplicaSet[] {
  if (previous === undefined || !rules.replicasChangeJointly) return [{ inSync, minAcks }];
  return [{ inSync, minAcks }, ...previous];
}

/** Whether a store counts. */
export function isInSync(config: ReplicaConfig, id: StoreId): boolean {
  return storesOf(config).some((other) => sameStore(other, id));
}

/** Whether an entry may be acknowledged that the stores have for which `has` holds. */
export function isWriteSet(config: ReplicaConfig, has: (id: StoreId) => boolean): boolean {
  return setsOf(config).every((set) => writes(set, has));
}

/** Whether enough copies of one set have something. */
export function writes({ inSync, minAcks }: ReplicaSet, has: (id: StoreId) => boolean): boolean {
  return countOf(inSync, has) >= (rules.acksNeedCopies ? minAcks + 1 : 1);
}

/**
 * Whether the stores for which `has` holds have every entry that was or will be acknowledged under this
 * configuration: so many that every write set has one of them.
 */
export function isReadSet(config: ReplicaConfig, has: (id: StoreId) => boolean): boolean {
  return setsOf(config).every(({ inSync, minAcks }) =>
    countOf(inSync, has) >= readsOf(inSync.length, minAcks)
  );
}

/**
 * Whether every read set of a set has one of the stores for which `has` holds. Stores that are gone for good
 * are in none.
 */
export function blocksReads(
  { inSync, minAcks }: ReplicaSet,
  isGone: (id: StoreId) => boolean,
  has: (id: StoreId) => boolean,
): boolean {
  const left = inSync.filter((id) => !isGone(id));
  return countOf(left, has) > left.length - readsOf(inSync.length, minAcks);
}

/** Where there are fewer copies than a write set has, nothing was acknowledged, and one tells of that. */
function readsOf(size: number, minAcks: number): number {
  return rules.openingsReadQuorum ? Math.max(1, size - minAcks) : 1;
}

function countOf(stores: readonly StoreId[], has: (id: StoreId) => boolean): number {
  let count = 0;
  for (const id of stores) if (has(id)) count++;
  return count;
}

/** Sets with the same content once, the first of each. */
export function distinctSets(sets: readonly ReplicaSet[]): readonly ReplicaSet[] {
  return sets.filter((set, index) =>
    sets.findIndex(({ inSync, minAcks }) =>
      minAcks === set.minAcks && sameStores(inSync, set.inSync)
    ) === index
  );
}

/** Whether two sets are the same. */
export function sameStores(a: readonly StoreId[], b: readonly StoreId[]): boolean {
  return a.length === b.length && a.every((id) => b.some((other) => sameStore(other, id)));
}
