/**
 * For each table, the interfaces whose JSDoc describes its options to users.
 *
 * @module
 */

/** `"path#Name"` of interfaces below lib, by the name of the table's constant. */
export const documentedBy: Readonly<Record<string, readonly string[]>> = {
  actorSystemTable: ["actor/system/actor_system_options.ts#ActorSystemOptions"],
  spawnTable: ["actor/behavior/spawn_options.ts#SpawnOptions"],
  mailboxTable: ["actor/behavior/spawn_options.ts#MailboxOptions"],
  supervisionTable: ["actor/behavior/supervision.ts#SupervisionStrategy"],
  backoffTable: ["actor/behavior/supervision.ts#Backoff"],
  askTable: ["actor/behavior/ask_options.ts#AskOptions"],
  tickTable: ["actor/services/scheduler.ts#TickOptions"],
  onceTable: ["actor/services/scheduler.ts#OnceOptions"],
  taskTable: ["actor/services/task_runner.ts#RunOptions"],
  circuitBreakerTable: ["actor/services/circuit_breaker.ts#CircuitBreakerOptions"],
  poolTable: ["routing/pool_router.ts#PoolOptions"],
  groupTable: ["routing/group_router.ts#GroupOptions"],
  streamProducerTable: ["streams/stream_producer.ts#StreamProducerOptions"],
  streamConsumerTable: ["streams/stream_consumer.ts#StreamConsumerOptions"],
  streamSourceTable: ["streams/stream_source.ts#StreamSourceOptions"],
  streamSinkTable: ["streams/stream_sink.ts#StreamSinkOptions"],
  clusterTable: [
    "cluster/node/cluster_options.ts#ClusterOptions",
    "actor/system/actor_system_options.ts#ActorSystemOptions",
  ],
  dnsSeedsTable: ["cluster/bootstrap/seed_source.ts#DnsSeeds"],
  membershipTimingTable: ["cluster/node/cluster_options.ts#MembershipTiming"],
  transportTable: ["transport/base/limits.ts#TransportLimits"],
  keepOldestTable: ["membership/downing/keep_oldest.ts#KeepOldestOptions"],
  staticQuorumTable: ["membership/downing/static_quorum.ts#StaticQuorumOptions"],
  leaseMajorityTable: ["cluster/lease/lease.ts#LeaseMajorityOptions"],
  leaseTable: ["cluster/lease/lease_file.ts#LeaseOptions"],
  tlsPathsTable: ["transport/tls/tls_files.ts#TlsPaths"],
  tlsTextsTable: ["transport/tls/tls_config.ts#TlsTexts", "runtime/network.ts#TlsMaterial"],
  identityTable: ["runtime/identity_mapping.ts#IdentityPatterns"],
  shardedTable: ["sharding/sharded_behavior.ts#ShardedOptions"],
  passivationTable: ["sharding/region/passivation.ts#PassivationOptions"],
  shardBufferTable: ["sharding/routing/shard_routes.ts#ShardBufferLimits"],
  rememberTable: ["sharding/remember/remember_options.ts#RememberOptions"],
  entityTypeTable: ["sharding/routing/entity_type.ts#EntityTypeOptions"],
  clientTable: ["client/client_options.ts#ClientOptions"],
  clientAskTable: [
    "client/client_ask.ts#ClientAskOptions",
    "actor/behavior/ask_options.ts#AskOptions",
  ],
  askRetryTable: ["client/client_ask.ts#AskRetry"],
  caTable: ["cert/authority/authority.ts#CaOptions", "cert/authority/validity.ts#ValidityOptions"],
  nodeCertificateTable: [
    "cert/authority/authority.ts#NodeOptions",
    "cert/authority/validity.ts#ValidityOptions",
  ],
  clientCertificateTable: [
    "cert/authority/authority.ts#ClientOptions",
    "cert/authority/validity.ts#ValidityOptions",
  ],
  testCaTable: [
    "cert/authority/test_ca.ts#TestCaOptions",
    "cert/authority/validity.ts#ValidityOptions",
  ],
  initTable: [
    "cert/authority/workspace_init.ts#InitOptions",
    "cert/authority/validity.ts#ValidityOptions",
  ],
  renewTable: [
    "cert/authority/renewal.ts#RenewOptions",
    "cert/authority/validity.ts#ValidityOptions",
  ],
  needsRenewalTable: ["cert/authority/renewal.ts#NeedsRenewalOptions"],
  revokeTable: ["cert/authority/revocation.ts#RevokeOptions"],
  verifyTable: ["cert/authority/verification.ts#VerifyOptions"],
  rotationTable: ["cert/rotation/rotation_options.ts#RotationOptions"],
  beginRotationTable: [
    "cert/rotation/rotation.ts#BeginRotationOptions",
    "cert/rotation/rotation_options.ts#RotationOptions",
    "cert/authority/validity.ts#ValidityOptions",
  ],
  doctorTable: ["cert/doctor/doctor.ts#DoctorOptions"],
  liveDoctorTable: ["cert/doctor/doctor_live.ts#LiveDoctorOptions"],
  actorTestKitTable: [
    "testkit/actor_test_kit.ts#ActorTestKitOptions",
    "actor/system/actor_system_options.ts#ActorSystemOptions",
  ],
  behaviorTestKitTable: ["testkit/behavior_test_kit.ts#BehaviorTestKitOptions"],
  testProbeTable: ["testkit/test_probe.ts#TestProbeOptions"],
  waitTable: ["testkit/test_probe.ts#WaitOptions"],
  quietTable: ["testkit/test_probe.ts#QuietOptions"],
  simulationTable: [
    "testkit/simulation/simulate.ts#SimulationOptions",
    "testkit/simulation/scenario.ts#SimulationSetup",
  ],
  scenarioTable: [
    "testkit/simulation/scenario.ts#Scenario",
    "testkit/simulation/scenario.ts#SimulationSetup",
  ],
  sourceTable: ["testkit/simulation/scenario.ts#ScenarioSource"],
  healthTable: ["testkit/simulation/node_health.ts#HealthLimits"],
  randomFaultsTable: ["testkit/simulation/random_faults.ts#RandomFaultOptions"],
  linearizabilityTable: ["testkit/linearizability/checker.ts#LinearizabilityOptions"],
  // Those of the layers below.
  membershipTable: ["membership/machine/config.ts#MembershipLimits"],
  detectorTable: ["membership/detector/phi_accrual.ts#DetectorOptions"],
  contactTable: ["client/contact_timing.ts#ContactTiming"],
  wireTable: ["wire/limits.ts#WireLimits"],
};

/** Options of an inherited interface that the table's object does not have. */
export const leftOut: Readonly<Record<string, readonly string[]>> = {
  actorTestKitTable: ["runtime"],
  tlsTextsTable: ["judge", "subscribe"],
};

/** Options of a shared interface whose default is another for each call, where it is described. */
export const defaultAtTheCall: readonly string[] = ["validity"];

/** Tables whose options are described where the call is: a type of its own would not help. */
export const describedAtTheCall: readonly string[] = [
  "spyTable",
  "shutdownTaskTable",
  "clusterWaitTable",
  "lookupTable",
  "entityRefTable",
  "latencyTable",
  "untilTable",
  "convergedTable",
  "faultsOverTable",
  "manualClockTable",
  "recordedLogTable",
  "writePairTable",
  // Those of nodes and clients.
  "simulatedNodeTable",
  "simulatedClientTable",
  // Described by the two types that `SerializerOptions` is made of.
  "serializerTable",
];

/** Interfaces that are named like options, and which no user passes. */
export const noUserOptions: Readonly<Record<string, string>> = {
  BackoffOptions: "what a delay is computed of",
  SpanOptions: "a port of Runtime",
  ParseOptions: "of the local stand-in of @std/cli",
  ResolvedConfig: "made by the membership machine",
  CastyErrorOptions: "what an error is made of",
  StallResponderOptions: "a port of Runtime",
  ListenOptions: "a port of Runtime",
  DialOptions: "a port of Runtime",
  EndpointOptions: "made by remoting",
  ServerHandshakeOptions: "made by the listener",
  CodecOptions: "made by remoting",
  CompressionLimits: "part of the transport limits",
  OutboxLimits: "part of the transport limits",
  InboxLimits: "part of the transport limits",
  WatchLimits: "not configurable",
  CoordinatorTiming: "not configurable",
  ShardRouterOptions: "made by sharding",
  ShardTypeOptions: "made by sharding",
  StallDetectionOptions: "made by the node",
  ResponderOptions: "made by the node",
  MembershipConfig: "made by the node; tests of the machine use it",
  SchedulerOptions: "made by the system",
  TaskRunnerOptions: "made by the system",
  ShutdownPhasesOptions: "made by the system",
  KnownOptions: "of the command line",
  MemoryNetworkOptions: "made by the simulator",
  MemoryHostOptions: "made by the simulator",
  CrashOptions: "made by the simulator",
};
