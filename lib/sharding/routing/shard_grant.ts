/** One shard's owner. A grant with a higher epoch overrules one with a lower. */
export interface ShardGrant {
  /** Address of the node that runs the shard's entities. */
  readonly owner: string;
  /** Counts the grants of this shard type; at least 1. */
  readonly epoch: number;
}

/** A grant, and the incarnation of the node that has it. */
export interface LocatedGrant extends ShardGrant {
  /** Of the owner at its address; 0: not known. A later incarnation does not have the grant. */
  readonly incarnation: number;
}
