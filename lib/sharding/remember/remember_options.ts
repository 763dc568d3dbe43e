import { checkOptions, withDefaults } from "../../options/check_options.ts";
import { rememberDefaults, rememberTable } from "../../options/tables/sharding_tables.ts";
import type { Runtime } from "../../runtime/runtime.ts";

/**
 * Saves which entities run, so that they start again when the whole cluster has been down. The owner
 * of a shard saves its list soon after a change, with one call for each shard at a time.
 *
 * @example
 * ```ts
 * import type { EntityStore } from "@casty/casty";
 *
 * // In memory, to show the shape; a real one writes to disk, as `fileEntityStore` does.
 * const saved = new Map<string, readonly string[]>();
 * const store: EntityStore = {
 *   load: (shardType, shard) => Promise.resolve(saved.get(`${shardType}/${shard}`) ?? []),
 *   save: (shardType, shard, entityIds) => {
 *     saved.set(`${shardType}/${shard}`, entityIds);
 *     return Promise.resolve();
 *   },
 * };
 * await store.save("carts", 3, ["cart-7"], { cluster: "shop", epoch: 1, change: 1 });
 * console.assert((await store.load("carts", 3) as string[]).join() === "cart-7");
 * ```
 */
export interface EntityStore {
  /**
   * The ids that were saved last, empty if there are none. With their stamp, if the store keeps it:
   * then a saved list that is newer than what nodes remember is seen to be newer.
   */
  load(shardType: string, shard: number): Promise<readonly string[] | StampedEntities>;
  /**
   * Replaces the ids of a shard. A store that several nodes use rejects with a `ShardingError` of code
   * `entityListChanged` if another has saved the list since it was loaded here: it is then loaded
   * again.
   */
  save(
    shardType: string,
    shard: number,
    entityIds: readonly string[],
    stamp: EntityListStamp,
  ): Promise<void>;
  /** Called by a node that uses it: the same store on the storage of its runtime. */
  readonly bind?: (runtime: StoreRuntime) => EntityStore;
}

/** Orders the lists of one shard in one cluster. */
export interface EntityListStamp {
  /** Id of the cluster; lists of different clusters are not ordered. */
  readonly cluster: string;
  /** Of the grant of the owner that has saved it. */
  readonly epoch: number;
  /** Counts the changes of the list by that owner. */
  readonly change: number;
}

/** A saved list and its stamp. */
export interface StampedEntities {
  /** The ids. */
  readonly ids: readonly string[];
  /** What was given to `save` with them. */
  readonly stamp: EntityListStamp;
}

/** What a store takes from the runtime of its node. */
export type StoreRuntime = Pick<Runtime, "storage">;

/** How entities that ran are started again. */
export interface RememberOptions {
  /** Remembers across a restart of the whole cluster. Default: none. */
  readonly store?: EntityStore;
  /** Entities that are started at once. Default 5. */
  readonly batch?: number;
  /** Milliseconds between two such starts. Default 100. */
  readonly interval?: number;
  /**
   * Entities of one shard that are remembered, up to 10 000; further ones run, and start again with a
   * message only. Default 1 000.
   */
  readonly maxPerShard?: number;
}

/** {@linkcode RememberOptions} with their defaults. */
export interface CheckedRemember extends Required<Omit<RememberOptions, "store">> {
  readonly store: EntityStore | undefined;
}

/**
 * The options with their defaults; undefined if nothing is to be remembered.
 *
 * @throws {OptionError}
 */
export function checkRemember(
  given: boolean | EntityStore | RememberOptions | undefined,
): CheckedRemember | undefined {
  if (given === undefined || given === false) return undefined;
  const options: RememberOptions = given === true ? {} : isStore(given) ? { store: given } : given;
  checkOptions(rememberTable, options, "rememberEntities");
  return { store: options.store, ...withDefaults(rememberDefaults, options) };
}

function isStore(value: unknown): value is EntityStore {
  const { load, save } = value as Partial<EntityStore>;
  return typeof load === "function" && typeof save === "function";
}
