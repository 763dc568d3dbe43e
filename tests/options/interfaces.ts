/**
 * For each table, the interfaces whose JSDoc describes its options to users.
 *
 * @module
 */

/** `"room#Name"` of interfaces in lib, by the name of the table's constant. */
export const documentedBy: Readonly<Record<string, readonly string[]>> = {
  actorSystemTable: ["actor#ActorSystemOptions"],
  spawnTable: ["actor#SpawnOptions"],
  registerTable: ["actor#RegisterOptions"],
  mailboxTable: ["actor#MailboxOptions"],
  supervisionTable: ["actor#SupervisionStrategy"],
  backoffTable: ["actor#Backoff"],
  askTable: ["actor#AskOptions"],
  tickTable: ["actor#TickOptions"],
  onceTable: ["actor#OnceOptions"],
  taskTable: ["actor#RunOptions"],
  circuitBreakerTable: ["actor#CircuitBreakerOptions"],
  poolTable: ["routing#PoolOptions"],
  groupTable: ["routing#GroupOptions"],
  streamProducerTable: ["streams#StreamProducerOptions"],
  streamConsumerTable: ["streams#StreamConsumerOptions"],
  streamSourceTable: ["streams#StreamSourceOptions"],
  streamSinkTable: ["streams#StreamSinkOptions"],
  persistenceTable: ["runtime#PersistenceOptions"],
  sqliteJournalTable: ["persistence#SqliteJournalOptions"],
  postgresJournalTable: ["persistence#PostgresJournalOptions"],
  projectionTable: ["persistence#ProjectionOptions"],
  projectionSourceTable: ["persistence#ProjectionSource"],
  slicesTable: ["persistence#SliceRange"],
  projectionSchemaTable: ["persistence#ProjectionSchema"],
  projectionBackoffTable: ["persistence#ProjectionBackoff"],
  projectionControlTable: ["persistence#ProjectionControlOptions"],
  postgresProjectionStoreTable: ["persistence#PostgresProjectionStoreOptions"],
  snapshotsTable: ["persistence#SnapshotOptions"],
  outboxTable: ["persistence#OutboxOptions"],
  schemaTable: ["persistence#SchemaOptions", "persistence#StateSchemaOptions"],
  stateSchemaTable: ["persistence#StateSchemaOptions"],
  eventSourcedTable: ["persistence#EventSourced"],
  durableStateTable: ["persistence#DurableState"],
  clusterTable: [
    "cluster#ClusterOptions",
    "actor#ActorSystemOptions",
  ],
  dnsSeedsTable: ["cluster#DnsSeeds"],
  membershipTimingTable: ["cluster#MembershipTiming"],
  transportTable: ["transport#TransportLimits"],
  keepOldestTable: ["membership#KeepOldestOptions"],
  staticQuorumTable: ["membership#StaticQuorumOptions"],
  leaseMajorityTable: ["cluster#LeaseMajorityOptions"],
  leaseTable: ["cluster#LeaseOptions"],
  fileLeaseTable: ["cluster#FileLeaseOptions", "cluster#LeaseOptions"],
  fileEntityStoreTable: ["sharding#FileEntityStoreOptions"],
  tlsPathsTable: ["transport#TlsPaths"],
  tlsTextsTable: ["transport#TlsTexts", "runtime#TlsMaterial"],
  identityTable: ["runtime#IdentityPatterns"],
  shardedTable: ["sharding#ShardedOptions"],
  entityMailboxTable: ["sharding#EntityMailboxOptions"],
  passivationTable: ["sharding#PassivationOptions"],
  shardBufferTable: ["sharding#ShardBufferLimits"],
  rememberTable: ["sharding#RememberOptions"],
  entityTypeTable: ["sharding#EntityTypeOptions"],
  clientTable: ["client#ClientOptions"],
  clientAskTable: [
    "client#ClientAskOptions",
    "actor#AskOptions",
  ],
  askRetryTable: ["client#AskRetry"],
  caTable: ["cert#CaOptions", "cert#ValidityOptions"],
  nodeCertificateTable: [
    "cert#NodeOptions",
    "cert#ValidityOptions",
  ],
  clientCertificateTable: [
    "cert#ClientOptions",
    "cert#ValidityOptions",
  ],
  testCaTable: [
    "cert#TestCaOptions",
    "cert#ValidityOptions",
  ],
  initTable: [
    "cert#InitOptions",
    "cert#ValidityOptions",
  ],
  renewTable: [
    "cert#RenewOptions",
    "cert#ValidityOptions",
  ],
  needsRenewalTable: ["cert#NeedsRenewalOptions"],
  revokeTable: ["cert#RevokeOptions"],
  verifyTable: ["cert#VerifyOptions"],
  rotationTable: ["cert#RotationOptions"],
  beginRotationTable: [
    "cert#BeginRotationOptions",
    "cert#RotationOptions",
    "cert#ValidityOptions",
  ],
  doctorTable: ["cert#DoctorOptions"],
  liveDoctorTable: ["cert#LiveDoctorOptions"],
  actorTestKitTable: [
    "testkit#ActorTestKitOptions",
    "actor#ActorSystemOptions",
  ],
  behaviorTestKitTable: ["testkit#BehaviorTestKitOptions"],
  testProbeTable: ["testkit#TestProbeOptions"],
  waitTable: ["testkit#WaitOptions"],
  quietTable: ["testkit#QuietOptions"],
  simulationTable: [
    "testkit#SimulationOptions",
    "testkit#SimulationSetup",
  ],
  scenarioTable: [
    "testkit#Scenario",
    "testkit#SimulationSetup",
  ],
  sourceTable: ["testkit#ScenarioSource"],
  healthTable: ["testkit#HealthLimits"],
  randomFaultsTable: ["testkit#RandomFaultOptions"],
  linearizabilityTable: ["testkit#LinearizabilityOptions"],
  // Those of the layers below.
  membershipTable: ["membership#MembershipLimits"],
  detectorTable: ["membership#DetectorOptions"],
  contactTable: ["client#ContactTiming"],
  wireTable: ["wire#WireLimits"],
};

/** Options of an inherited interface that the table's object does not have. */
export const leftOut: Readonly<Record<string, readonly string[]>> = {
  actorTestKitTable: ["runtime"],
  tlsTextsTable: ["judge", "revocation", "subscribe"],
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
  ReadOptions: "a port of stores",
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
  LeaseTiming: "made by sharding; tests set others",
  LeaseConfig: "agreed on by the voters of leases",
  ShardTypeOptions: "made by sharding",
  StallDetectionOptions: "made by the node",
  ResponderOptions: "made by the node",
  MembershipConfig: "made by the node; tests of the machine use it",
  SchedulerOptions: "made by the system",
  TaskRunnerOptions: "made by the system",
  ShutdownPhasesOptions: "made by the system",
  KnownOptions: "of the command line",
  MemoryNetworkOptions: "made by the simulator",
  SimulatedStorageOptions: "made by the simulator",
  MemoryHostOptions: "made by the simulator",
  CrashOptions: "made by the simulator",
};
