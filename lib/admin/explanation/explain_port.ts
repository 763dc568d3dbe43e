import type { ClusterHealth } from "../../cluster/node/cluster_handle.ts";
import type { ClusterState } from "../../cluster/node/cluster_state.ts";
import type { ShardCopies } from "../../replication/replication.ts";
import type { KnownType, Sharding, ShardRefs } from "../../sharding/sharding.ts";

/** A message that was lost at this node, and how many with the same target and reason since. */
export interface LostTarget {
  readonly target: string;
  readonly reason: string;
  readonly count: number;
  /** Milliseconds since the last one. */
  readonly ago: number;
}

/** This node's own certificate. */
export interface OwnCertificate {
  /** Such as `node node-1`. */
  readonly identity: string;
  /** End of validity, Unix time in milliseconds. */
  readonly notAfter: number;
}

/** What explanations are made of: one node's knowledge of its cluster. */
export interface ExplainPort {
  /** This node. */
  readonly address: string;
  /** Milliseconds since the Unix epoch. */
  wallTime(): number;
  /** The members as this node sees them. */
  state(): ClusterState;
  /** How it sees its peers, and whether its extensions work. */
  health(): ClusterHealth;
  /** Sentences about a topic of the node or an extension. Throws for another one. */
  sentences(topic: string): readonly string[];
  /** Topics of the extensions. */
  topics(): readonly string[];
  readonly sharding: Sharding;
  /** The types that this node runs or routes to. */
  types(): readonly KnownType[];
  readonly grantPhase: ShardRefs["grantPhase"];
  /** Why nothing of a type can run here. */
  readonly obstacle: ShardRefs["obstacle"];
  /** The replicated shards that this node owns. */
  copies(): readonly ShardCopies[];
  /** Undefined: the node runs without certificates. */
  certificate(): OwnCertificate | undefined;
  /** The messages that were lost here last; the latest first. */
  lost(): readonly LostTarget[];
}
