/**
 * All tables of options that users can pass, in the order of `docs/options.md`. Nothing else imports
 * all of them: a client does not load the options of nodes.
 *
 * @module
 */
import type { OptionTable } from "./option.ts";
import { dashboardHandlerTable, dashboardTable } from "./tables/dashboard_tables.ts";
import { otelTelemetryTable } from "./tables/telemetry_tables.ts";
import {
  actorSystemTable,
  askTable,
  backoffTable,
  circuitBreakerTable,
  lookupTable,
  mailboxTable,
  onceTable,
  registerTable,
  shutdownTaskTable,
  spawnTable,
  spyTable,
  supervisionTable,
  taskTable,
  tickTable,
} from "./tables/actor_tables.ts";
import {
  adminCertificateTable,
  beginRotationTable,
  caTable,
  clientCertificateTable,
  doctorTable,
  initTable,
  liveDoctorTable,
  needsRenewalTable,
  nodeCertificateTable,
  renewTable,
  revokeTable,
  rotationTable,
  testCaTable,
  verifyTable,
  writePairTable,
} from "./tables/cert_tables.ts";
import {
  askRetryTable,
  clientAskTable,
  clientTable,
  contactTable,
} from "./tables/client_tables.ts";
import {
  clusterTable,
  clusterWaitTable,
  configPlaceTable,
  detectorTable,
  dnsSeedsTable,
  downingTable,
  fileLeaseTable,
  keepOldestTable,
  kubernetesLeaseTable,
  leaseMajorityTable,
  leaseTable,
  membershipTable,
  membershipTimingTable,
  staticQuorumTable,
} from "./tables/cluster_tables.ts";
import {
  consumerControllerTable,
  producerControllerTable,
  rateLimitersTable,
  rateLimitTable,
} from "./tables/delivery_tables.ts";
import {
  gatewayCallTable,
  gatewayClientTable,
  gatewayFetchTable,
  gatewayOperationTable,
  gatewaySubscribeTable,
  gatewayTable,
  gatewayTopicTable,
} from "./tables/gateway_tables.ts";
import { groupTable, poolTable } from "./tables/routing_tables.ts";
import {
  entityMailboxTable,
  entityRefTable,
  entityTypeTable,
  fileEntityStoreTable,
  passivationTable,
  rememberTable,
  replicationTable,
  shardBufferTable,
  shardedTable,
} from "./tables/sharding_tables.ts";
import {
  acquireTable,
  arriveTable,
  clientDistributedTable,
  distributedTable,
  operationTable,
  putTable,
  reserveTable,
  structureLimitsTable,
} from "./tables/distributed_tables.ts";
import {
  durableStateTable,
  eventSourcedTable,
  outboxTable,
  persistenceTable,
  postgresJournalTable,
  postgresProjectionStoreTable,
  projectionBackoffTable,
  projectionControlTable,
  projectionSchemaTable,
  projectionSourceTable,
  projectionTable,
  schemaTable,
  slicesTable,
  snapshotsTable,
  sqliteJournalTable,
  stateSchemaTable,
} from "./tables/persistence_tables.ts";
import { scheduledTable, singletonTable, workersTable } from "./tables/singleton_tables.ts";
import {
  streamConsumerTable,
  streamProducerTable,
  streamSinkTable,
  streamSourceTable,
} from "./tables/stream_tables.ts";
import {
  actorTestKitTable,
  behaviorTestKitTable,
  convergedTable,
  faultsOverTable,
  healthTable,
  latencyTable,
  linearizabilityTable,
  manualClockTable,
  quietTable,
  randomFaultsTable,
  recordedLogTable,
  rehearsalTable,
  scenarioTable,
  simulatedClientTable,
  simulatedNodeTable,
  simulationTable,
  sourceTable,
  testProbeTable,
  untilTable,
  waitTable,
} from "./tables/testkit_tables.ts";
import { identityTable, tlsPathsTable, tlsTextsTable } from "./tables/tls_tables.ts";
import {
  broadcastRefTable,
  broadcastTable,
  openTopicTable,
  topicSubscriptionTable,
  topicTable,
} from "./tables/topic_tables.ts";
import { transportTable } from "./tables/transport_tables.ts";
import { serializerTable, wireTable } from "./tables/wire_tables.ts";

/** Some tables under one heading. */
export interface OptionChapter {
  /** The heading. */
  readonly title: string;
  /** The tables below it. */
  readonly tables: readonly OptionTable[];
}

/** Every option that a user can pass. */
export const optionChapters: readonly OptionChapter[] = [
  {
    title: "Actors",
    tables: [
      actorSystemTable,
      spawnTable,
      registerTable,
      mailboxTable,
      supervisionTable,
      backoffTable,
      spyTable,
      askTable,
      tickTable,
      onceTable,
      taskTable,
      shutdownTaskTable,
      circuitBreakerTable,
    ],
  },
  { title: "Routers", tables: [poolTable, groupTable] },
  {
    title: "Streams",
    tables: [streamProducerTable, streamConsumerTable, streamSourceTable, streamSinkTable],
  },
  { title: "Telemetry", tables: [otelTelemetryTable] },
  { title: "Dashboard", tables: [dashboardTable, dashboardHandlerTable] },
  {
    title: "Delivery",
    tables: [producerControllerTable, consumerControllerTable, rateLimitersTable, rateLimitTable],
  },
  {
    title: "Persistence",
    tables: [
      persistenceTable,
      eventSourcedTable,
      snapshotsTable,
      outboxTable,
      schemaTable,
      durableStateTable,
      stateSchemaTable,
      sqliteJournalTable,
      postgresJournalTable,
      projectionTable,
      projectionSourceTable,
      slicesTable,
      projectionSchemaTable,
      projectionBackoffTable,
      projectionControlTable,
      postgresProjectionStoreTable,
    ],
  },
  {
    title: "Cluster",
    tables: [
      clusterTable,
      configPlaceTable,
      dnsSeedsTable,
      membershipTimingTable,
      transportTable,
      clusterWaitTable,
      lookupTable,
      keepOldestTable,
      staticQuorumTable,
      downingTable,
      leaseMajorityTable,
      fileLeaseTable,
      leaseTable,
      kubernetesLeaseTable,
      serializerTable,
    ],
  },
  { title: "TLS", tables: [tlsPathsTable, tlsTextsTable, identityTable] },
  {
    title: "Sharding",
    tables: [
      shardedTable,
      passivationTable,
      entityMailboxTable,
      shardBufferTable,
      rememberTable,
      replicationTable,
      fileEntityStoreTable,
      entityTypeTable,
      entityRefTable,
      singletonTable,
      workersTable,
      scheduledTable,
    ],
  },
  {
    title: "Topics and broadcast",
    tables: [topicTable, openTopicTable, topicSubscriptionTable, broadcastTable, broadcastRefTable],
  },
  {
    title: "Distributed structures",
    tables: [
      distributedTable,
      structureLimitsTable,
      clientDistributedTable,
      operationTable,
      acquireTable,
      arriveTable,
      putTable,
      reserveTable,
    ],
  },
  { title: "Client", tables: [clientTable, clientAskTable, askRetryTable] },
  {
    title: "Gateway",
    tables: [
      gatewayOperationTable,
      gatewayTopicTable,
      gatewayTable,
      gatewayClientTable,
      gatewayFetchTable,
      gatewayCallTable,
      gatewaySubscribeTable,
    ],
  },
  {
    title: "Certificates",
    tables: [
      caTable,
      nodeCertificateTable,
      clientCertificateTable,
      adminCertificateTable,
      testCaTable,
      initTable,
      renewTable,
      needsRenewalTable,
      revokeTable,
      verifyTable,
      beginRotationTable,
      rotationTable,
      doctorTable,
      liveDoctorTable,
      writePairTable,
    ],
  },
  {
    title: "Testkit",
    tables: [
      actorTestKitTable,
      behaviorTestKitTable,
      testProbeTable,
      waitTable,
      quietTable,
      manualClockTable,
      simulationTable,
      scenarioTable,
      simulatedNodeTable,
      healthTable,
      latencyTable,
      sourceTable,
      randomFaultsTable,
      untilTable,
      convergedTable,
      faultsOverTable,
      simulatedClientTable,
      recordedLogTable,
      linearizabilityTable,
      rehearsalTable,
    ],
  },
];

/** Tables of the layers below, which users cannot reach: for tests of those layers. */
export const internalTables: readonly OptionTable[] = [
  membershipTable,
  detectorTable,
  contactTable,
  wireTable,
];
