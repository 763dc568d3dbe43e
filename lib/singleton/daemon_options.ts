import type { DurableStore } from "../runtime/durable_store.ts";
import type {
  EntityMailboxOptions,
  ReplicationOptions,
  ShardedOptions,
} from "../sharding/sharded_behavior.ts";
import type { ShardBufferLimits } from "../sharding/routing/shard_routes.ts";

/** What singletons and workers have in common. The same on all nodes. */
export interface DaemonOptions {
  /** Only nodes with this role run it; others send to it. Default: all nodes. */
  readonly role?: string;
  /** Bounds of messages that wait while it moves or its node is not known. */
  readonly buffer?: Partial<ShardBufferLimits>;
  /**
   * Bounds of its mailbox. A message beyond becomes a dead letter with the reason `mailboxFull`, which its
   * asker is told.
   */
  readonly mailbox?: EntityMailboxOptions;
  /**
   * Milliseconds that it has for the messages in its mailbox when it has to move. Then it stops at once,
   * and the rest waits for its next incarnation. Default 10 000.
   */
  readonly stopTimeout?: number;
  /**
   * Where it is stored, if it is a durable actor that has no journal of its own. Default: the journal of
   * the node.
   */
  readonly journal?: DurableStore;
  /**
   * Keeps its events at several nodes, if it is a durable actor that has no journal of its own. See
   * `docs/replication.md`. Default: none.
   */
  readonly replication?: ReplicationOptions;
}

/** The options of the sharded type of what always runs: `count` shards. */
export function shardedOptionsOf<O extends DaemonOptions>(
  options: O,
  count: number,
): O & ShardedOptions {
  return { ...options, numShards: count, passivation: false };
}
