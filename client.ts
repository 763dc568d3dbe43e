/**
 * The client of a cluster, for processes that are not members: all that such a program needs.
 *
 * @example
 * ```ts
 * import { type ActorRef, ClusterClient, entityType } from "@casty/casty/client";
 *
 * type Counter =
 *   | { type: "add"; amount: number }
 *   | { type: "get"; replyTo: ActorRef<number> };
 * // In a module that nodes and clients import.
 * const Counters = entityType<Counter>("counters", { numShards: 20 });
 *
 * await using client = await ClusterClient.connect({
 *   contactPoints: ["127.0.0.1:25520"],
 *   systemName: "shop",
 *   lazy: true, // Does not wait until a node answers.
 * });
 * const hits = client.entity(Counters, "hits");
 * hits.tell({ type: "add", amount: 1 });
 * const total = hits.ask((replyTo) => ({ type: "get", replyTo }), { timeout: 100 });
 * await total.catch(() => console.log("no node has answered yet"));
 * ```
 *
 * @module
 */
export { ClusterClient } from "./lib/client/cluster_client.ts";
export type { ClientOptions, ContactPoints } from "./lib/client/client_options.ts";
export type { AskRetry, ClientAskOptions } from "./lib/client/client_ask.ts";
export type {
  ClientConnectionRejected,
  ClientEvent,
  ClientNodeChanged,
  ClientState,
  ClientStateChanged,
} from "./lib/client/client_state.ts";
export type { AddressMap } from "./lib/client/address_map.ts";
export { ClientError, type ClientErrorCode } from "./lib/client/errors.ts";
export { ConfigError, type ConfigErrorCode, type ConfigProblem } from "./lib/config/errors.ts";
export type { ConfigPlace } from "./lib/config/config_place.ts";
export type { ConfigSource } from "./lib/config/config_source.ts";
export type {
  OtherMember,
  OtherMemberState,
  Topology,
  TopologyMember,
  TopologyService,
} from "./lib/cluster/gateway/topology.ts";

// What a client sends to.
export type { ActorRef } from "./lib/actor/ref/ref.ts";
export { actorRef, type ActorRefSchema, isActorRef } from "./lib/actor/ref/ref_schema.ts";
export { ServiceKey } from "./lib/actor/services/service_key.ts";
export type { ListingSubscription } from "./lib/actor/services/listing_subscription.ts";
export {
  EntityType,
  entityType,
  type EntityTypeOptions,
} from "./lib/sharding/routing/entity_type.ts";
export type { EntityRef } from "./lib/sharding/routing/entity_ref.ts";
export type { NumberedWorkers } from "./lib/sharding/routing/numbered_workers.ts";
export type { ShardRegionRef } from "./lib/sharding/routing/shard_proxy.ts";
export { type ShardEnvelope, shardEnvelope } from "./lib/sharding/routing/shard_envelope.ts";
export type {
  MessageSchema,
  SchemaIssue,
  SchemaResult,
} from "./lib/actor/behavior/message_schema.ts";
export type { ShardLocations, ShardPlace } from "./lib/sharding/routing/shard_place.ts";
export type { ShardBufferLimits } from "./lib/sharding/routing/shard_routes.ts";
export type { ClusterAccess } from "./lib/sharding/routing/cluster_access.ts";
export type { EntityFactory } from "./lib/sharding/routing/entity_factory.ts";

// What a client publishes to and reads.
export type {
  BroadcastMissing,
  BroadcastRef,
  BroadcastReplies,
  BroadcastReply,
} from "./lib/broadcast/broadcast_ref.ts";
export { Topic, type TopicFacts, type TopicOptions } from "./lib/topics/topic.ts";
export type { TopicHandle } from "./lib/topics/topic_handle.ts";
export {
  TopicSubscription,
  type TopicSubscriptionOptions,
} from "./lib/topics/topic_subscription.ts";
export { TopicError, type TopicErrorCode } from "./lib/topics/errors.ts";

// Asks, events, and actors of the client's own.
export type { AskOptions, Immutable, LiteralOf } from "./lib/actor/behavior/ask_options.ts";
export type { ReplyOf } from "./lib/actor/behavior/reply_of.ts";
export {
  type StatusReplies,
  StatusReply,
  type StatusValue,
} from "./lib/actor/behavior/status_reply.ts";
export type { Behavior } from "./lib/actor/behavior/behavior.ts";
export type { ActorContext } from "./lib/actor/behavior/context.ts";
export type { Signal } from "./lib/actor/behavior/signal.ts";
export type { MailboxOptions, SpawnOptions } from "./lib/actor/behavior/spawn_options.ts";
export type { Terminated, TerminationReason } from "./lib/actor/ref/terminated.ts";
export type { DeadLetter, DeadLetterReason } from "./lib/actor/services/dead_letter.ts";
export type { EventStream, EventSubscriber } from "./lib/actor/services/event_stream.ts";
export type { ActorSystem } from "./lib/actor/system/actor_system.ts";
export { type ActorBehaviors, Behaviors } from "./lib/actor/behavior/behaviors.ts";

// How it connects, and where its log lines go.
export { TlsConfig, type TlsTexts } from "./lib/transport/tls/tls_config.ts";
export type { TlsPaths } from "./lib/transport/tls/tls_files.ts";
export type { TransportLimits } from "./lib/transport/base/limits.ts";
export type {
  AuthorityKeyExposed,
  CertificateExpiring,
  RevocationListOutdated,
  TlsEvent,
  TlsReloaded,
  TlsReloadFailed,
} from "./lib/runtime/tls_event.ts";
export { consoleLogger, silentLogger } from "./lib/runtime/logger.ts";
export type { LogFields, Logger, LogLevel } from "./lib/runtime/logger.ts";
export {
  type SerializedType,
  type Serializer,
  serializer,
  type SerializerForm,
  type SerializerOptions,
} from "./lib/wire/serializer.ts";

// Errors.
export { CastyError, type CastyErrorOptions } from "./lib/runtime/casty_error.ts";
export { OptionError } from "./lib/options/option_error.ts";
export {
  ActorError,
  type ActorErrorCode,
  AskError,
  type AskErrorCode,
  AskTimeoutError,
} from "./lib/actor/errors.ts";
export {
  TlsConfigError,
  type TlsConfigErrorCode,
  TransportError,
  type TransportErrorCode,
} from "./lib/transport/base/errors.ts";
export type { CertificateFault } from "./lib/x509/certificate_fault.ts";
export { CertificateRefusedError } from "./lib/transport/tls/certificate_refused.ts";
export { Distributed } from "./lib/distributed/distributed.ts";
export type { ClientDistributedOptions } from "./lib/client/client_structures.ts";
export { DistributedError, type DistributedErrorCode } from "./lib/distributed/errors.ts";
export { type ArriveOptions, DistributedBarrier } from "./lib/distributed/barrier.ts";
export { DistributedCounter } from "./lib/distributed/counter.ts";
export { DistributedLock } from "./lib/distributed/lock.ts";
export { DistributedMap, type PutOptions } from "./lib/distributed/map.ts";
export { type AcquireOptions, type HeldPermit, Permits } from "./lib/distributed/permits.ts";
export type { PermitStatus } from "./lib/distributed/permit_machine.ts";
export {
  DistributedQueue,
  type ParkedItem,
  type Reservation,
  type ReserveOptions,
} from "./lib/distributed/queue.ts";
export { DistributedSemaphore } from "./lib/distributed/semaphore.ts";
export { DistributedSet } from "./lib/distributed/set.ts";
export { type OperationOptions, Structure } from "./lib/distributed/structure.ts";
export type { StructureKey } from "./lib/distributed/structure_key.ts";
export type { StructureLimits } from "./lib/distributed/structure_limits.ts";
