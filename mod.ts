/**
 * Actors and clusters for Deno: typed behaviours, a gossiping cluster over mutual TLS, sharded
 * entities. Streams, ports, extensions, the client, certificates and the testkit are entries of their
 * own.
 *
 * @example
 * ```ts
 * import { Behaviors, ClusteredActorSystem } from "@casty/casty";
 *
 * const greeted: string[] = [];
 * const greeter = (id: string) =>
 *   Behaviors.receive<string>((_context, name) => {
 *     greeted.push(`${id}: hello ${name}`);
 *     return Behaviors.same();
 *   });
 *
 * await using system = await ClusteredActorSystem.start({
 *   name: "example",
 *   host: "127.0.0.1",
 *   port: 0,
 * });
 * const greeters = system.spawn(Behaviors.sharded(greeter, { numShards: 20 }), "greeters");
 * greeters.entity("alice").tell("world");
 * ```
 *
 * @module
 */
export type { LocalRuntime, LocalSystem } from "./lib/actor/behavior/local_system.ts";
export type { OnMessage, OnSetup, OnSignal } from "./lib/actor/behavior/handler.ts";
export { ActorSystem, type ActorSystemConstructor } from "./lib/actor_system.ts";
export type { ActorSystemOptions } from "./lib/actor/system/actor_system_options.ts";
export type { AskOptions, Immutable, LiteralOf } from "./lib/actor/behavior/ask_options.ts";
export {
  type StatusReplies,
  StatusReply,
  type StatusValue,
} from "./lib/actor/behavior/status_reply.ts";
export type { ReplyOf } from "./lib/actor/behavior/reply_of.ts";
export type { Behavior, BehaviorKind } from "./lib/actor/behavior/behavior.ts";
export type { ActorBehaviors } from "./lib/actor/behavior/behaviors.ts";
export {
  CircuitBreaker,
  type CircuitBreakerOptions,
  type CircuitState,
} from "./lib/actor/services/circuit_breaker.ts";
export type { ActorContext, ActorLog, ActorTimers, Stash } from "./lib/actor/behavior/context.ts";
export type { DeadLetter, DeadLetterReason } from "./lib/actor/services/dead_letter.ts";
export { discoverable } from "./lib/actor/behavior/discoverable.ts";
export {
  ActorError,
  type ActorErrorCode,
  AskError,
  type AskErrorCode,
  type AskErrorFacts,
  type AskFailureReason,
  AskTimeoutError,
  type StatusError,
} from "./lib/actor/errors.ts";
export type {
  ActorEvent,
  ActorRestarted,
  ActorStarted,
  ActorStopped,
  EventStream,
  EventSubscriber,
  SlowHandler,
  SystemEvent,
  UnhandledMessage,
} from "./lib/actor/services/event_stream.ts";
export type { Interceptor, NextBehavior } from "./lib/actor/behavior/interceptor.ts";
export type { LifecycleHooks } from "./lib/actor/behavior/lifecycle_hooks.ts";
export type { LedgerSnapshot, LossLedger } from "./lib/actor/services/loss_ledger.ts";
export type {
  Listing,
  ListingSubscriber,
  Receptionist,
  RegisterOptions,
} from "./lib/actor/services/receptionist.ts";
export type { ClientPolicy } from "./lib/actor/services/client_policy.ts";
export type { MessageSender } from "./lib/actor/ref/message_sender.ts";
export type { ActorRef } from "./lib/actor/ref/ref.ts";
export { actorRef, type ActorRefSchema, isActorRef } from "./lib/actor/ref/ref_schema.ts";
export type { ListingSubscription } from "./lib/actor/services/listing_subscription.ts";
export type { OnceOptions, Scheduler, TickOptions } from "./lib/actor/services/scheduler.ts";
export { ServiceKey } from "./lib/actor/services/service_key.ts";
export type { ShutdownPhase, ShutdownTask } from "./lib/actor/services/shutdown_phases.ts";
export type { ChildFailed, PostStop, PreRestart, Signal } from "./lib/actor/behavior/signal.ts";
export type { Terminated, TerminationReason } from "./lib/actor/ref/terminated.ts";
export type { SpyEvent } from "./lib/actor/behavior/spy.ts";
export type { MailboxOptions, Overflow, SpawnOptions } from "./lib/actor/behavior/spawn_options.ts";
export type { Backoff, Directive, SupervisionStrategy } from "./lib/actor/behavior/supervision.ts";
export type {
  RunOptions,
  Task,
  TaskCancelled,
  TaskCompleted,
  TaskFailed,
  TaskResult,
  TaskRunner,
} from "./lib/actor/services/task_runner.ts";
export { type BehaviorFactories, Behaviors } from "./lib/behaviors.ts";
export {
  ClusterHandle,
  type ClusterHealth,
  type ExtensionReports,
} from "./lib/cluster/node/cluster_handle.ts";
export { ConfigError, type ConfigErrorCode, type ConfigProblem } from "./lib/config/errors.ts";
export type { ConfigSource } from "./lib/config/config_source.ts";
export type { ConfigPlace } from "./lib/config/config_place.ts";
export type { ClusterMember, ClusterState } from "./lib/cluster/node/cluster_state.ts";
export { AdminError, type AdminErrorCode } from "./lib/admin/errors.ts";
export type { Explanation } from "./lib/admin/explanation/explanation.ts";
export type { ExplainFacts, ExplainTopic } from "./lib/cluster/node/explanation.ts";
export {
  type HealthHandler,
  healthHandler,
  type HealthReply,
} from "./lib/health/health_handler.ts";
export type { HealthCheck } from "./lib/health/health_judgement.ts";
export type { HealthSource } from "./lib/health/node_lifecycle.ts";
export type { ClusterOptions, MembershipTiming } from "./lib/cluster/node/cluster_options.ts";
export type { DnsSeeds, SeedFunction, SeedNodes } from "./lib/cluster/bootstrap/seed_source.ts";
export { ClusterError, type ClusterErrorCode, ClusterTimeoutError } from "./lib/cluster/errors.ts";
export {
  type Lease,
  type LeaseAnswer,
  type LeaseDowning,
  leaseMajority,
  type LeaseMajorityOptions,
  type LeaseRuntime,
} from "./lib/cluster/lease/lease.ts";
export {
  fileLease,
  type FileLeaseOptions,
  type LeaseOptions,
} from "./lib/cluster/lease/lease_file.ts";
export {
  kubernetesLease,
  type KubernetesLeaseOptions,
} from "./lib/cluster/lease/lease_kubernetes.ts";
export { kvLease, type LeaseStore, type LeaseTransaction } from "./lib/cluster/lease/lease_kv.ts";
export { downAll } from "./lib/membership/downing/down_all.ts";
export type {
  DowningDecision,
  DowningOutcome,
  DowningSituation,
  DowningStrategy,
} from "./lib/membership/downing/downing.ts";
export type { UnreachableReason } from "./lib/membership/state/gossip_state.ts";
export type { DowningOutlook } from "./lib/membership/downing/outlook.ts";
export type { HealthReport, PeerHealth } from "./lib/membership/detector/health.ts";
export { keepMajority } from "./lib/membership/downing/keep_majority.ts";
export { keepOldest, type KeepOldestOptions } from "./lib/membership/downing/keep_oldest.ts";
export { staticQuorum, type StaticQuorumOptions } from "./lib/membership/downing/static_quorum.ts";
export { ClusteredActorSystem } from "./lib/clustered_actor_system.ts";
export type { ClusterEvent } from "./lib/cluster_event.ts";
export type { DownEvidence, Member, MemberStatus } from "./lib/membership/state/member.ts";
export type { MembershipView } from "./lib/membership/state/view.ts";
export type { Unreachability } from "./lib/membership/detector/reachability.ts";
export type {
  LeaderChanged,
  MemberDowned,
  MemberEvent,
  MemberJoined,
  MemberLeft,
  MemberRemoved,
  MemberUp,
  MemberWeaklyUp,
  ReachableMember,
  UnreachableMember,
} from "./lib/membership/state/member_event.ts";
export { CastyError, type CastyErrorOptions } from "./lib/runtime/casty_error.ts";
export { OptionError } from "./lib/options/option_error.ts";
export { consoleLogger, silentLogger } from "./lib/runtime/logger.ts";
export type { DurableStore, PersistenceOptions } from "./lib/runtime/durable_store.ts";
export type { LogFields, Logger, LogLevel } from "./lib/runtime/logger.ts";
export type {
  AuthorityKeyExposed,
  CertificateExpiring,
  RevocationListOutdated,
  TlsEvent,
  TlsReloaded,
  TlsReloadFailed,
} from "./lib/runtime/tls_event.ts";
export type { GroupOptions } from "./lib/routing/group_router.ts";
export type { PoolOptions } from "./lib/routing/pool_router.ts";
export { type RouterFactories, Routers } from "./lib/routing/routers.ts";
export {
  type ConsistentHash,
  consistentHash,
  random,
  type RandomRouting,
  type RoundRobin,
  roundRobin,
  type RoutingStrategy,
} from "./lib/routing/routing_strategy.ts";
export {
  type SerializedType,
  type Serializer,
  serializer,
  type SerializerForm,
  type SerializerOptions,
} from "./lib/wire/serializer.ts";
export { Distributed } from "./lib/distributed/distributed.ts";
export type { DistributedOptions } from "./lib/distributed/distributed_extension.ts";
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
export { ShardingError, type ShardingErrorCode } from "./lib/sharding/errors.ts";
export {
  type AllocationNode,
  type AllocationStrategy,
  externalAllocation,
  leastShards,
  preferRole,
  type ShardMove,
  zoneAware,
} from "./lib/sharding/coordinator/allocation.ts";
export {
  EntityType,
  entityType,
  type EntityTypeOptions,
} from "./lib/sharding/routing/entity_type.ts";
export type { PassivationOptions } from "./lib/sharding/region/passivation.ts";
export {
  fileEntityStore,
  type FileEntityStoreOptions,
} from "./lib/sharding/remember/file_entity_store.ts";
export type {
  EntityListStamp,
  EntityStore,
  RememberOptions,
  StampedEntities,
  StoreRuntime,
} from "./lib/sharding/remember/remember_options.ts";
export type { DurableState } from "./lib/persistence/durable_state.ts";
export type { EventSourced, SnapshotOptions } from "./lib/persistence/event_sourced.ts";
export type {
  MessageSchema,
  SchemaIssue,
  SchemaResult,
} from "./lib/actor/behavior/message_schema.ts";
export type {
  ShardAllocated,
  ShardEvent,
  ShardFreed,
  ShardHandOffStarted,
  ShardStarted,
  ShardStopped,
} from "./lib/sharding/shard_event.ts";
export type { ShardBufferLimits } from "./lib/sharding/routing/shard_routes.ts";
export type { ClusterAccess } from "./lib/sharding/routing/cluster_access.ts";
export type { EntityRef } from "./lib/sharding/routing/entity_ref.ts";
export type { NumberedWorkers } from "./lib/sharding/routing/numbered_workers.ts";
export type { ShardRegionRef } from "./lib/sharding/routing/shard_proxy.ts";
export type { OwnedShard, Sharding } from "./lib/sharding/sharding.ts";
export type { Replication, ShardCopies } from "./lib/replication/replication.ts";
export type {
  ShardCopiesChanged,
  ShardCopiesEvent,
  ShardCopyFailed,
  ShardCopyFilled,
  ShardCopyRecovered,
  ShardLossAccepted,
  ShardOpened,
  ShardWaiting,
} from "./lib/replication/copies_event.ts";
export type { ShardLocations, ShardPlace } from "./lib/sharding/routing/shard_place.ts";
export { type ShardEnvelope, shardEnvelope } from "./lib/sharding/routing/shard_envelope.ts";
export type { EntityFactory } from "./lib/sharding/routing/entity_factory.ts";
export type {
  EntityMailboxOptions,
  ReplicationOptions,
  Sharded,
  ShardedBehavior,
  ShardedOptions,
} from "./lib/sharding/sharded_behavior.ts";
export type { DaemonOptions } from "./lib/singleton/daemon_options.ts";
export {
  scheduled,
  ScheduledBehavior,
  type ScheduledJob,
  type ScheduledOptions,
  type ScheduledRun,
  type ScheduleMessage,
  type ScheduleStatus,
  type ScheduleTime,
} from "./lib/singleton/scheduled_behavior.ts";
export {
  singleton,
  SingletonBehavior,
  type SingletonOptions,
} from "./lib/singleton/singleton_behavior.ts";
export { workers, WorkersBehavior, type WorkersOptions } from "./lib/singleton/workers_behavior.ts";
export type { WorkersRef } from "./lib/singleton/workers_ref.ts";
export type { BroadcastBehavior, BroadcastOptions } from "./lib/broadcast/broadcast_behavior.ts";
export type {
  BroadcastMissing,
  BroadcastRef,
  BroadcastReplies,
  BroadcastReply,
} from "./lib/broadcast/broadcast_ref.ts";
export { Topic, type TopicFacts, type TopicOptions } from "./lib/topics/topic.ts";
export type { TopicAccess } from "./lib/topics/topic_access.ts";
export type { TopicHandle } from "./lib/topics/topic_handle.ts";
export {
  TopicSubscription,
  type TopicSubscriptionOptions,
} from "./lib/topics/topic_subscription.ts";
export { TopicError, type TopicErrorCode } from "./lib/topics/errors.ts";
export type { OpenTopicOptions } from "./lib/topics/topics.ts";
export {
  TlsConfigError,
  type TlsConfigErrorCode,
  TransportError,
  type TransportErrorCode,
} from "./lib/transport/base/errors.ts";
export type { TransportLimits } from "./lib/transport/base/limits.ts";
export type { CertificateFault } from "./lib/x509/certificate_fault.ts";
export { CertificateRefusedError } from "./lib/transport/tls/certificate_refused.ts";
export type { AddressMap } from "./lib/transport/base/address_map.ts";
export { TlsConfig, type TlsTexts } from "./lib/transport/tls/tls_config.ts";
export type { TlsPaths } from "./lib/transport/tls/tls_files.ts";
