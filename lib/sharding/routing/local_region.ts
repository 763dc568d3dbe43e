/** The shards that this node owns, as its router sees them. */
export interface LocalRegion {
  /** Hands a message to an entity. False: the shard is not owned here, or is being handed off. */
  deliver(shard: number, entityId: string, message: unknown): boolean;
  /** Whether a message would start the entity here. */
  wouldStart(shard: number, entityId: string): boolean;
  /** The epoch of the grant of a shard; 0 if this node does not own it. */
  epochOf(shard: number): number;
  /** Whether this incarnation of the node has, or has had, a grant of this epoch or a later one. */
  hasHeld(shard: number, epoch: number): boolean;
  /** A grant of this epoch is elsewhere: an older one ends here at once. */
  fence(shard: number, epoch: number): void;
}
