import { rules } from "../runtime/rules.ts";

/**
 * One store of copies at one node. A node that has lost its disk, or a process that kept its copies in
 * memory, comes back with another number: what the lost store has confirmed, the new one never had.
 */
export interface StoreId {
  /** Address of the node. */
  readonly address: string;
  /** Drawn at random when the store was made, and kept in it; from 1. */
  readonly store: number;
}

/** Orders configurations of a shard: the epoch of the owner that made it, then a counter. */
export type ReplicaVersion = readonly [epoch: number, count: number];

/**
 * Which copies of a shard count. Stored by the copies themselves; the coordinator proposes the nodes and
 * remembers nothing.
 */
export interface ReplicaConfig {
  readonly version: ReplicaVersion;
  /** The in-sync copies, each store once; at least one. */
  readonly inSync: readonly StoreId[];
  /**
   * The in-sync copies before: while it is there, decisions need the copies of both sets (Raft, joint
   * consensus; Vertical Paxos II, an activated ballot and the one that it completes).
   */
  readonly previous?: readonly StoreId[];
  /** How many copies besides one have an entry that is acknowledged. From 0; 0 only without replicas. */
  readonly minAcks: number;
  /** `minAcks` of `previous`; the same unless the option has changed. */
  readonly previousMinAcks?: number;
}

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
export function storesOf({ inSync, previous }: ReplicaConfig): readonly StoreId[] {
  if (previous === undefined) return inSync;
  return [...inSync, ...previous.filter((id) => !inSync.some((other) => sameStore(other, id)))];
}

/** Whether a store counts. */
export function isInSync(config: ReplicaConfig, id: StoreId): boolean {
  return storesOf(config).some((other) => sameStore(other, id));
}

/** Whether an entry may be acknowledged that the stores have for which `has` holds. */
export function isWriteSet(config: ReplicaConfig, has: (id: StoreId) => boolean): boolean {
  const { inSync, previous, minAcks, previousMinAcks = minAcks } = config;
  if (!writes(inSync, minAcks, has)) return false;
  return previous === undefined || !rules.replicasChangeJointly ||
    writes(previous, previousMinAcks, has);
}

/**
 * Whether the stores for which `has` holds have every entry that was or will be acknowledged under this
 * configuration: so many that every write set has one of them.
 */
export function isReadSet(config: ReplicaConfig, has: (id: StoreId) => boolean): boolean {
  const { inSync, previous, minAcks, previousMinAcks = minAcks } = config;
  if (!reads(inSync, minAcks, has)) return false;
  return previous === undefined || !rules.replicasChangeJointly ||
    reads(previous, previousMinAcks, has);
}

function writes(
  set: readonly StoreId[],
  minAcks: number,
  has: (id: StoreId) => boolean,
): boolean {
  const needed = rules.acksNeedCopies ? minAcks + 1 : 1;
  return set.filter(has).length >= needed;
}

function reads(set: readonly StoreId[], minAcks: number, has: (id: StoreId) => boolean): boolean {
  const found = set.filter(has).length;
  // Fewer copies than a write set: nothing was acknowledged by this set, and one of them is enough.
  if (!rules.openingsReadQuorum) return found > 0;
  return found >= Math.max(1, set.length - minAcks);
}

/** Whether two sets are the same. */
export function sameStores(a: readonly StoreId[], b: readonly StoreId[]): boolean {
  return a.length === b.length && a.every((id) => b.some((other) => sameStore(other, id)));
}
