/** One instance of an entity, at one process of a node. */
export interface EntityInstance {
  /** Name of the node. */
  readonly node: string;
  /** Which process of the node, from 1. */
  readonly starts: number;
  /** Incarnation of the node in its cluster; 0 if it was no member. */
  readonly incarnation: number;
  /** Epoch of the grant of its shard; 0 if the node had none. */
  readonly epoch: number;
  /** When it started, virtual milliseconds after the scenario began. */
  readonly startedAt: number;
}

/**
 * Two nodes have run one entity at one instant, or one has run a handler by an older grant after
 * the other had started by a newer one.
 */
export interface DoubleOwnership {
  /** Name of the sharded type. */
  readonly shardType: string;
  /** Id of the entity. */
  readonly entityId: string;
  /** The instance with the older grant. */
  readonly older: EntityInstance;
  /** The instance with the newer grant. */
  readonly newer: EntityInstance;
  /** Since when, virtual milliseconds after the scenario began. */
  readonly from: number;
  /** When one of them had stopped; undefined: both run. */
  readonly until: number | undefined;
  /** Handlers that the older one has begun since the newer one started. */
  readonly staleHandlers: number;
}
