import type { ActorEvent } from "./actor/services/event_stream.ts";
import type { MemberEvent } from "./membership/state/member_event.ts";
import type { TlsEvent } from "./runtime/tls_event.ts";
import type { ShardCopiesEvent } from "./replication/copies_event.ts";
import type { ShardEvent } from "./sharding/shard_event.ts";

/** Events that a node publishes. */
export type ClusterEvent = ActorEvent | MemberEvent | ShardEvent | ShardCopiesEvent | TlsEvent;
