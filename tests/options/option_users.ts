/**
 * For each table, the call that takes its options: how tests pass an object of options to it.
 *
 * @module
 */
import { silentLogger } from "../../lib/runtime/logger.ts";
import {
  ActorSystem,
  Behaviors,
  CircuitBreaker,
  ClusteredActorSystem,
  fileEntityStore,
  fileLease,
  keepOldest,
  kubernetesLease,
  kvLease,
  leaseMajority,
  Routers,
  serializer,
  ServiceKey,
  staticQuorum,
  TlsConfig,
  Topic,
} from "../../mod.ts";
import {
  beginRotation,
  createCa,
  diagnose,
  diagnosePeer,
  initWorkspace,
  issueAdmin,
  issueClient,
  issueNode,
  needsRenewal,
  renew,
  revoke,
  signRotation,
  testCa,
  verify,
  writePair,
} from "../../cert.ts";
import { ClusterClient } from "../../lib/client/cluster_client.ts";
import type { OptionTable } from "../../lib/options/option.ts";
import * as actor from "../../lib/options/tables/actor_tables.ts";
import * as cert from "../../lib/options/tables/cert_tables.ts";
import * as client from "../../lib/options/tables/client_tables.ts";
import { configuredDowning } from "../../lib/membership/downing/configured_downing.ts";
import * as cluster from "../../lib/options/tables/cluster_tables.ts";
import * as persistence from "../../lib/options/tables/persistence_tables.ts";
import * as routing from "../../lib/options/tables/routing_tables.ts";
import * as distributed from "../../lib/options/tables/distributed_tables.ts";
import * as sharding from "../../lib/options/tables/sharding_tables.ts";
import * as delivery from "../../lib/options/tables/delivery_tables.ts";
import * as singletons from "../../lib/options/tables/singleton_tables.ts";
import * as streams from "../../lib/options/tables/stream_tables.ts";
import { dashboard } from "../../lib/dashboard/dashboard.ts";
import { dashboardHandler } from "../../lib/dashboard/dashboard_handler.ts";
import {
  dashboardHandlerTable,
  dashboardTable,
} from "../../lib/options/tables/dashboard_tables.ts";
import * as gateways from "../../lib/options/tables/gateway_tables.ts";
import { otelTelemetryTable } from "../../lib/options/tables/telemetry_tables.ts";
import { gateway } from "../../lib/gateway/api/gateway_api.ts";
import { gatewayClient } from "../../lib/gateway/client/gateway_client.ts";
import { gatewayFetch } from "../../lib/gateway/client/gateway_fetch.ts";
import { gatewayHandler } from "../../lib/gateway/server/gateway_handler.ts";
import { otelTelemetry } from "../../lib/otel/otel_telemetry.ts";
import * as kit from "../../lib/options/tables/testkit_tables.ts";
import * as tls from "../../lib/options/tables/tls_tables.ts";
import * as topics from "../../lib/options/tables/topic_tables.ts";
import { transportTable } from "../../lib/options/tables/transport_tables.ts";
import { serializerTable } from "../../lib/options/tables/wire_tables.ts";
import { entityType } from "../../lib/sharding/routing/entity_type.ts";
import { streamConsumer } from "../../lib/streams/stream_consumer.ts";
import {
  consumerController,
  producerController,
  rateLimit,
  rateLimiters,
} from "../../lib/delivery/mod.ts";
import { streamProducer } from "../../lib/streams/stream_producer.ts";
import { streamSink } from "../../lib/streams/stream_sink.ts";
import {
  durableState,
  eventSourced,
  memoryJournal,
  memoryProjectionStore,
  projection,
  RunningProjection,
  sqliteJournal,
} from "../../lib/persistence/mod.ts";
import { postgresJournal } from "../../lib/persistence/postgres/postgres_journal.ts";
import { postgresProjectionStore } from "../../lib/persistence/postgres/postgres_projection_store.ts";
import { streamSource } from "../../lib/streams/stream_source.ts";
import { checkLinearizability } from "../../lib/testkit/linearizability/checker.ts";
import {
  ActorTestKit,
  BehaviorTestKit,
  ManualClock,
  randomFaults,
  RecordedLog,
  rehearse,
  simulate,
  type Simulation,
  TestProbe,
} from "../../lib/testkit/mod.ts";

/** Passes options to the call that takes them; the call must refuse them before it does anything. */
export interface OptionUser {
  readonly table: OptionTable;
  /** Path of the object of options; empty for one that the call takes itself. */
  readonly path: string;
  /** What the option accepts besides an object of options. */
  readonly otherForms?: readonly unknown[];
  /** Values of required options for which the table has no example. */
  readonly base?: Readonly<Record<string, unknown>>;
  // deno-lint-ignore no-explicit-any -- that the types do not fit is what is tested
  readonly use: (options: any) => unknown;
}

const system = new ActorSystem({ runtime: { logger: silentLogger } });
const node = { name: "x", host: "127.0.0.1", port: 0, logger: silentLogger };
const idle = Behaviors.receive<never>(() => Behaviors.same());
const entities = () => idle;
const ref = system.spawn(idle, "idle");
const never = () => {
  throw new Error("the options were accepted");
};
/** A function and a list, where an option also takes those. */
export const nothing = () => {};
/** See {@linkcode nothing}. */
export const noList: readonly never[] = [];
const noAuthority = { cert: "", key: "" };
const contacts = { contactPoints: ["127.0.0.1:1"], systemName: "x", logger: silentLogger };
const gatewayUrl = "http://127.0.0.1:1/gateway";
const lease = fileLease("/nowhere/lease");

async function start(options: unknown): Promise<void> {
  // deno-lint-ignore no-explicit-any -- see above
  await (await ClusteredActorSystem.start(options as any)).shutdown();
}

async function connect(options: unknown): Promise<void> {
  // deno-lint-ignore no-explicit-any -- see above
  await (await ClusterClient.connect(options as any)).close();
}

// deno-lint-ignore no-explicit-any -- see above
async function onNode(run: (node: ClusteredActorSystem) => any): Promise<unknown> {
  await using started = await ClusteredActorSystem.start(node);
  return await run(started);
}

// deno-lint-ignore no-explicit-any -- see above
async function withClient(run: (client: ClusterClient) => any): Promise<unknown> {
  await using client = await ClusterClient.connect({ ...contacts, lazy: true });
  return await run(client);
}

// deno-lint-ignore no-explicit-any -- see above
async function withNode(run: (system: ClusteredActorSystem) => any): Promise<unknown> {
  await using system = await ClusteredActorSystem.start(node);
  return await run(system);
}

/** Runs in a simulation of one node; gives what `run` has thrown. */
async function simulated(run: (simulation: Simulation) => unknown): Promise<void> {
  let thrown: unknown;
  await simulate(
    { seed: 1, nodes: 1, duration: 1, linger: 0, failures: false },
    async (sim) => {
      try {
        await run(sim);
      } catch (error) {
        thrown = error;
      }
    },
  );
  if (thrown !== undefined) throw thrown;
}

/** Actors that were registered. */
let registered = 0;

const actorUsers: readonly OptionUser[] = [
  { table: actor.actorSystemTable, path: "", use: (options) => void new ActorSystem(options) },
  { table: actor.spawnTable, path: "", use: (options) => system.spawn(idle, "x", options) },
  {
    table: actor.registerTable,
    path: "",
    use: (options) => {
      const ref = system.spawn(idle, `registered-${registered++}`);
      return system.receptionist.register(ServiceKey<never>("x"), ref, options);
    },
  },
  {
    table: actor.mailboxTable,
    path: "mailbox",
    use: (mailbox) => system.spawn(idle, "x", { mailbox }),
  },
  {
    table: actor.supervisionTable,
    path: "",
    use: (options) => Behaviors.supervise(idle, options),
  },
  {
    table: actor.backoffTable,
    path: "backoff",
    use: (backoff) => Behaviors.supervise(idle, { backoff }),
  },
  { table: actor.spyTable, path: "", use: (options) => Behaviors.spy(idle, ref as never, options) },
  { table: actor.askTable, path: "", use: (options) => system.ask(ref, never as never, options) },
  {
    table: actor.tickTable,
    path: "",
    base: { target: ref },
    use: (options) => system.scheduler.tick("x", options),
  },
  {
    table: actor.onceTable,
    path: "",
    base: { target: ref },
    use: (options) => system.scheduler.once("x", options),
  },
  { table: actor.taskTable, path: "", use: (options) => system.tasks.run(() => {}, options) },
  {
    table: actor.shutdownTaskTable,
    path: "",
    use: (options) => system.onShutdown("afterStop", "x", () => {}, options),
  },
  {
    table: actor.circuitBreakerTable,
    path: "",
    use: (options) => void new CircuitBreaker(options),
  },
  { table: routing.poolTable, path: "", use: (options) => Routers.pool(1, idle, options) },
  {
    table: routing.groupTable,
    path: "",
    use: (options) => Routers.group(ServiceKey("x"), options),
  },
  { table: otelTelemetryTable, path: "", use: (options) => otelTelemetry(options) },
  {
    table: dashboardTable,
    path: "",
    use: (options) => dashboard(nothing as never, options as never),
  },
  {
    table: dashboardHandlerTable,
    path: "",
    use: (options) => dashboardHandler(nothing as never, options as never),
  },
  {
    table: delivery.producerControllerTable,
    path: "",
    base: { workers: ServiceKey("x") },
    use: (options) => producerController(options),
  },
  {
    table: delivery.consumerControllerTable,
    path: "",
    base: { onMessage: () => {} },
    use: (options) => consumerController(options as never),
  },
  { table: delivery.rateLimitersTable, path: "", use: (options) => rateLimiters(options) },
  {
    table: delivery.rateLimitTable,
    path: "",
    base: { key: "x", perSecond: 1 },
    use: (options) => rateLimit({ runtime: system.runtime, entity: () => ref } as never, options),
  },
  { table: streams.streamProducerTable, path: "", use: (options) => streamProducer(options) },
  {
    table: streams.streamConsumerTable,
    path: "",
    base: { onElement: () => {} },
    use: (options) => streamConsumer(ref as never, options),
  },
  {
    table: streams.streamSourceTable,
    path: "",
    use: (options) => streamSource(system, ref as never, options),
  },
  {
    table: streams.streamSinkTable,
    path: "",
    use: (options) => streamSink(system, ref as never, options),
  },
];

const stored = { id: "a|b", journal: memoryJournal(), initial: 0 };
const sourced = { ...stored, onCommand: () => {}, onEvent: () => 0 };
const projected = {
  name: "totals",
  journal: memoryJournal(),
  store: memoryProjectionStore(),
  handle: () => {},
};
const noWorkers = new RunningProjection(system, "totals", projected.store, []);
const persistenceUsers: readonly OptionUser[] = [
  {
    table: persistence.persistenceTable,
    path: "persistence",
    otherForms: [nothing],
    use: (persistence) => new ActorSystem({ persistence }),
  },
  {
    table: persistence.eventSourcedTable,
    path: "",
    base: sourced,
    use: (options) => eventSourced(options),
  },
  {
    table: persistence.snapshotsTable,
    path: "snapshots",
    otherForms: [nothing],
    use: (snapshots) => eventSourced({ ...sourced, snapshots } as never),
  },
  {
    table: persistence.outboxTable,
    path: "outbox",
    otherForms: [nothing],
    use: (outbox) => eventSourced({ ...sourced, outbox } as never),
  },
  {
    table: persistence.schemaTable,
    path: "schema",
    otherForms: [nothing],
    use: (schema) => eventSourced({ ...sourced, schema } as never),
  },
  {
    table: persistence.durableStateTable,
    path: "",
    base: { ...stored, onMessage: () => {} },
    use: (options) => durableState(options),
  },
  {
    table: persistence.stateSchemaTable,
    path: "schema",
    otherForms: [nothing],
    use: (schema) => durableState({ ...stored, onMessage: () => {}, schema } as never),
  },
  {
    table: persistence.sqliteJournalTable,
    path: "",
    otherForms: [nothing],
    use: (options) => sqliteJournal(":memory:", options),
  },
  {
    table: persistence.postgresJournalTable,
    path: "",
    otherForms: [nothing],
    use: (options) => postgresJournal("postgres://127.0.0.1:1/x", options),
  },
  {
    table: persistence.projectionTable,
    path: "",
    base: projected,
    use: (options) => projection(options as never),
  },
  {
    table: persistence.projectionSourceTable,
    path: "source",
    otherForms: [nothing],
    use: (source) => projection({ ...projected, source } as never),
  },
  {
    table: persistence.slicesTable,
    path: "source.slices",
    base: { from: 0, to: 1 },
    otherForms: [nothing],
    use: (slices) => projection({ ...projected, source: { slices } } as never),
  },
  {
    table: persistence.projectionSchemaTable,
    path: "schema",
    otherForms: [nothing],
    use: (schema) => projection({ ...projected, schema } as never),
  },
  {
    table: persistence.projectionBackoffTable,
    path: "backoff",
    otherForms: [nothing],
    use: (backoff) => projection({ ...projected, backoff } as never),
  },
  {
    table: persistence.projectionControlTable,
    path: "",
    otherForms: [nothing],
    use: (options) => noWorkers.status(options),
  },
  {
    table: persistence.postgresProjectionStoreTable,
    path: "",
    otherForms: [nothing],
    use: (options) => postgresProjectionStore("postgres://127.0.0.1:1/x", options),
  },
];

const clusterUsers: readonly OptionUser[] = [
  { table: cluster.clusterTable, path: "", use: start },
  {
    table: cluster.configPlaceTable,
    path: "",
    otherForms: [nothing],
    use: (place) => ClusteredActorSystem.fromConfig({}, place),
  },
  {
    table: cluster.dnsSeedsTable,
    path: "seedNodes",
    otherForms: [nothing, noList],
    use: (seedNodes) => start({ ...node, seedNodes }),
  },
  {
    table: cluster.membershipTimingTable,
    path: "membership",
    use: (membership) => start({ ...node, membership }),
  },
  { table: transportTable, path: "transport", use: (transport) => start({ ...node, transport }) },
  {
    table: cluster.clusterWaitTable,
    path: "",
    use: (options) => simulated((sim) => sim.nodes[0]!.system.waitFor(1, options)),
  },
  {
    table: actor.lookupTable,
    path: "",
    use: (options) => simulated((sim) => sim.nodes[0]!.system.lookup("/x", options ?? null)),
  },
  { table: cluster.keepOldestTable, path: "", use: keepOldest },
  { table: cluster.staticQuorumTable, path: "", use: staticQuorum },
  { table: cluster.downingTable, path: "downing", use: configuredDowning },
  { table: cluster.leaseMajorityTable, path: "", use: (options) => leaseMajority(lease, options) },
  { table: cluster.fileLeaseTable, path: "", use: (options) => fileLease("/nowhere/x", options) },
  { table: cluster.kubernetesLeaseTable, path: "", use: (options) => kubernetesLease(options) },
  { table: cluster.leaseTable, path: "", use: (options) => kvLease({} as never, ["x"], options) },
  {
    table: sharding.fileEntityStoreTable,
    path: "",
    use: (options) => fileEntityStore("/nowhere", options),
  },
  {
    table: serializerTable,
    path: "",
    base: { type: class {}, encode: String, decode: Object },
    use: serializer,
  },
  { table: tls.tlsPathsTable, path: "", use: (options) => TlsConfig.fromPaths(options) },
  { table: tls.tlsTextsTable, path: "", use: (options) => TlsConfig.fromPem(options) },
  {
    table: tls.identityTable,
    path: "identity",
    otherForms: [nothing],
    use: (identity) => TlsConfig.fromPaths({ certFile: "x", caFile: "x", identity }),
  },
  {
    table: sharding.shardedTable,
    path: "",
    use: (options) => Behaviors.sharded(entities, options),
  },
  {
    table: sharding.entityMailboxTable,
    path: "mailbox",
    use: (mailbox) => Behaviors.sharded(entities, { mailbox }),
  },
  {
    table: sharding.passivationTable,
    path: "passivation",
    use: (passivation) => Behaviors.sharded(entities, { passivation }),
  },
  {
    table: sharding.shardBufferTable,
    path: "buffer",
    use: (buffer) => Behaviors.sharded(entities, { buffer }),
  },
  {
    table: sharding.rememberTable,
    path: "rememberEntities",
    otherForms: [true],
    use: (rememberEntities) => Behaviors.sharded(entities, { rememberEntities }),
  },
  {
    table: sharding.replicationTable,
    path: "replication",
    use: (replication) => Behaviors.sharded(entities, { replication }),
  },
  {
    table: singletons.singletonTable,
    path: "",
    use: (options) => Behaviors.singleton(Behaviors.stopped(), options),
  },
  {
    table: singletons.workersTable,
    path: "",
    use: (options) => Behaviors.workers(2, entities, options),
  },
  {
    table: singletons.scheduledTable,
    path: "",
    use: (options) => Behaviors.scheduled("@daily", () => {}, options),
  },
  {
    table: distributed.distributedTable,
    path: "",
    use: (options) => onNode((node) => node.distributed(options)),
  },
  {
    table: distributed.structureLimitsTable,
    path: "limits",
    use: (limits) => onNode((node) => node.distributed({ limits })),
  },
  {
    table: distributed.clientDistributedTable,
    path: "",
    use: (options) => withClient((client) => client.distributed(options)),
  },
  {
    table: distributed.operationTable,
    path: "",
    use: (options) => withClient((client) => client.distributed().counter("x").get(options)),
  },
  {
    table: distributed.acquireTable,
    path: "",
    use: (options) => withClient((client) => client.distributed().lock("x").acquire(options)),
  },
  {
    table: distributed.arriveTable,
    path: "",
    use: (options) => withClient((client) => client.distributed().barrier("x").arrive(2, options)),
  },
  {
    table: distributed.putTable,
    path: "",
    use: (options) => withClient((client) => client.distributed().map("x").set("x", 1, options)),
  },
  {
    table: distributed.reserveTable,
    path: "",
    use: (options) => withClient((client) => client.distributed().queue("x").reserve(options)),
  },
  { table: sharding.entityTypeTable, path: "", use: (options) => entityType("x", options) },
  {
    table: sharding.entityRefTable,
    path: "",
    use: (options) => withClient((client) => client.entityRef("x", options)),
  },
  { table: topics.topicTable, path: "", use: (options) => Topic("x", options) },
  {
    table: topics.openTopicTable,
    path: "",
    use: (options) => withNode((system) => system.topic(Topic("x"), options)),
  },
  {
    table: topics.topicSubscriptionTable,
    path: "",
    use: (options) => withClient((client) => client.topic(Topic("x")).subscribe(options)),
  },
  {
    table: topics.broadcastTable,
    path: "",
    use: (options) => Behaviors.broadcasted(idle, options),
  },
  {
    table: topics.broadcastRefTable,
    path: "",
    use: (options) => withClient((client) => client.broadcastRef("x", options)),
  },
  {
    table: gateways.gatewayOperationTable,
    path: "",
    base: { message: nothing },
    use: (options) => gateway.entity(entityType("x"), ({ ask }) => ({ x: ask(options) })),
  },
  {
    table: gateways.gatewayTopicTable,
    path: "",
    use: (options) => gateway.topic(Topic("x"), options),
  },
  {
    table: gateways.gatewayTable,
    path: "",
    base: { authenticate: nothing },
    use: (options) => gatewayHandler({} as never, gateway.api({}), options),
  },
  {
    table: gateways.gatewayClientTable,
    path: "",
    base: { url: gatewayUrl },
    use: (options) => gatewayClient(options),
  },
  {
    table: gateways.gatewayFetchTable,
    path: "",
    use: (options) => gatewayFetch(options),
  },
  {
    table: gateways.gatewayCallTable,
    path: "",
    use: (options) =>
      gatewayFetch({ url: gatewayUrl, fetch: never }).topic("x" as never)
        .publish(undefined as never, options),
  },
  {
    table: gateways.gatewaySubscribeTable,
    path: "",
    use: (options) =>
      gatewayFetch({ url: gatewayUrl, fetch: never }).topic("x" as never).subscribe(options),
  },
  { table: client.clientTable, path: "", use: connect },
  {
    table: client.clientAskTable,
    path: "",
    use: (options) => withClient((client) => client.ask(ref, never as never, options)),
  },
  {
    table: client.askRetryTable,
    path: "retry",
    otherForms: [true],
    use: (retry) => withClient((client) => client.ask(ref, never as never, { retry })),
  },
];

const certUsers: readonly OptionUser[] = [
  { table: cert.caTable, path: "", use: createCa },
  {
    table: cert.nodeCertificateTable,
    path: "",
    use: (options) => issueNode(noAuthority as never, options),
  },
  {
    table: cert.clientCertificateTable,
    path: "",
    use: (options) => issueClient(noAuthority as never, options),
  },
  {
    table: cert.adminCertificateTable,
    path: "",
    use: (options) => issueAdmin(noAuthority as never, options),
  },
  { table: cert.testCaTable, path: "", use: testCa },
  { table: cert.initTable, path: "", use: (options) => initWorkspace("/nowhere", options) },
  {
    table: cert.renewTable,
    path: "",
    use: (options) => renew(noAuthority as never, noAuthority as never, options),
  },
  { table: cert.needsRenewalTable, path: "", use: (options) => needsRenewal("", options) },
  {
    table: cert.revokeTable,
    path: "",
    use: (options) => revoke(noAuthority as never, options),
  },
  { table: cert.verifyTable, path: "", use: (options) => verify("", options) },
  {
    table: cert.beginRotationTable,
    path: "",
    use: (options) => beginRotation("/nowhere", options),
  },
  { table: cert.rotationTable, path: "", use: (options) => signRotation("/nowhere", options) },
  {
    table: cert.doctorTable,
    path: "",
    use: (options) => diagnose("/nowhere", "/nowhere", options),
  },
  {
    table: cert.writePairTable,
    path: "",
    use: (options) => writePair("/nowhere", "x", noAuthority, options),
  },
  { table: cert.liveDoctorTable, path: "", use: (options) => diagnosePeer("/nowhere", options) },
];

const testkitUsers: readonly OptionUser[] = [
  { table: kit.actorTestKitTable, path: "", use: (options) => void ActorTestKit.create(options) },
  {
    table: kit.behaviorTestKitTable,
    path: "",
    use: (options) => void BehaviorTestKit.create(idle, options),
  },
  { table: kit.testProbeTable, path: "", use: (options) => void new TestProbe(system, options) },
  {
    table: kit.waitTable,
    path: "",
    use: (options) => new TestProbe(system).receive(options),
  },
  {
    table: kit.quietTable,
    path: "",
    use: (options) => new TestProbe(system).expectNoMessage(options),
  },
  { table: kit.recordedLogTable, path: "", use: (options) => void new RecordedLog(options) },
  { table: kit.manualClockTable, path: "", use: (options) => void new ManualClock(options) },
  { table: kit.simulationTable, path: "", use: (options) => simulate(options, never) },
  {
    table: kit.scenarioTable,
    path: "scenario",
    otherForms: [nothing],
    use: (scenario) => simulate({ seed: 1, failures: false }, scenario),
  },
  {
    table: kit.simulatedNodeTable,
    path: "cluster",
    otherForms: [nothing],
    use: (cluster) => simulate({ seed: 1, failures: false, cluster }, never),
  },
  {
    table: kit.healthTable,
    path: "health",
    use: (health) => simulate({ seed: 1, failures: false, health }, never),
  },
  {
    table: kit.latencyTable,
    path: "latency",
    use: (latency) => simulate({ seed: 1, failures: false, latency }, never),
  },
  {
    table: kit.sourceTable,
    path: "source",
    use: (source) => simulate({ seed: 1, failures: false, source }, never),
  },
  { table: kit.randomFaultsTable, path: "", use: randomFaults },
  {
    table: kit.untilTable,
    path: "",
    use: (options) => simulated((sim) => sim.until(() => true, options)),
  },
  {
    table: kit.convergedTable,
    path: "",
    use: (options) => simulated((sim) => sim.converged(options)),
  },
  {
    table: kit.faultsOverTable,
    path: "",
    use: (options) => simulated((sim) => sim.faultsOver(options)),
  },
  {
    table: kit.simulatedClientTable,
    path: "",
    use: (options) => simulated((sim) => sim.connect(options)),
  },
  {
    table: kit.linearizabilityTable,
    path: "",
    use: (options) => checkLinearizability([], {} as never, options),
  },
  {
    table: kit.rehearsalTable,
    path: "",
    use: (options) => rehearse(memoryJournal(), {}, options),
  },
];

/** One for each table. */
export const optionUsers: readonly OptionUser[] = [
  ...actorUsers,
  ...persistenceUsers,
  ...clusterUsers,
  ...certUsers,
  ...testkitUsers,
];
