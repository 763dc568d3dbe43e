/** Where a shard is. */
export interface ShardPlace {
  /** Number of the shard, from 0. */
  readonly shard: number;
  /** Address of the node that runs it. */
  readonly owner: string;
  /** Of the grant: the higher is the later. */
  readonly epoch: number;
}

/** Locations of shards and entities, as known to one node or client. */
export interface ShardLocations {
  /**
   * Where an entity is, with the number and the epoch of its shard. Undefined while that is not known,
   * or if the type is not known here.
   *
   * @param name the name under which the sharded behaviour was spawned.
   */
  whereIs(name: string, entityId: string): ShardPlace | undefined;
  /** Address of the node that runs an entity; undefined as in {@linkcode ShardLocations.whereIs}. */
  shardOwner(name: string, entityId: string): string | undefined;
  /**
   * Locations of the shards of a type, by number; undefined for shards without an owner, as far as
   * is known here. Empty if the type is not known here.
   */
  shardTable(name: string): readonly (ShardPlace | undefined)[];
}
