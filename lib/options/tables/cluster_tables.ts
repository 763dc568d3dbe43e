import {
  callback,
  choice,
  either,
  flag,
  group,
  list,
  milliseconds,
  number,
  objectWith,
  type Option,
  option,
  optionTable,
  text,
  whole,
  without,
} from "../option.ts";
import { actorSystemTable } from "./actor_tables.ts";
import {
  addressText,
  clock,
  hostText,
  label,
  logger,
  pathText,
  runtime,
  storage,
} from "./forms.ts";
import { tlsMaterial } from "./tls_tables.ts";
import { transportTable } from "./transport_tables.ts";
import { serializerList } from "./wire_tables.ts";

/** The type of a port that others can reach. */
export const reachablePort = whole(1, 65_535);
const port = whole(0, 65_535);
const time = milliseconds(0);
/** The type of intervals of the membership protocol. */
const interval = number(0, undefined, { above: true, unit: "milliseconds" });
const span = number(0, undefined, { unit: "milliseconds" });

/** The option `membership` of nodes. */
export const membershipTimingTable = optionTable("membership", {
  gossipInterval: option(interval, { default: 1_000, text: "Time between two gossip rounds." }),
  heartbeatInterval: option(interval, { default: 1_000, text: "Time between two heartbeats." }),
  acceptablePause: option(span, {
    default: 3_000,
    text: "Silence that is not yet suspicious.",
  }),
  stallLimit: option(span, {
    default: 60_000,
    text: "Time that a member whose process runs may stall before it can be downed.",
  }),
  stableAfter: option(span, {
    defaultText: "by cluster size",
    text: "Time that unreachable members stay the same before they are downed.",
  }),
  weaklyUpAfter: option(number(0, undefined, { infinity: true, unit: "milliseconds" }), {
    default: 7_000,
    text: "Time after which a joining node becomes weakly up while a member is unreachable.",
  }),
}, { section: "membership" });

/** The defaults of the timing of membership. */
export const membershipTimingDefaults = membershipTimingTable.defaults;

/** The form of `seedNodes` that queries DNS. */
export const dnsSeedsTable = optionTable("seedNodes", {
  dns: option(text(1, 255), { required: true, text: "The DNS name to query." }),
  type: option(choice("A", "AAAA", "SRV"), {
    required: true,
    text: "Type of the records; `A` and `AAAA` need `port`.",
  }),
  port: option(reachablePort, { text: "Port of the nodes, for `A` and `AAAA`." }),
});

/** Where to dial for an address. */
export const addressMapType = either(
  { kind: "record", key: addressText, of: addressText, max: Number.MAX_SAFE_INTEGER, map: true },
  callback("a function of an address"),
);

/** Options that nodes and clients share; each gets a separate copy. */
export const connectionOptions = () => ({
  tls: option(tlsMaterial, {
    defaultText: "none: the traffic is plain",
    text: "Certificate, private key and authorities, for mutual TLS.",
  }),
  addressMap: option(addressMapType, {
    defaultText: "the address itself",
    text: "Where to dial for an address, for tunnels.",
  }),
  serializers: option(serializerList, {
    defaultText: "none",
    text: "How values of your classes cross the wire.",
  }),
  transport: option(group(transportTable), {
    text: "Bounds of connections, messages and queues.",
  }),
  logger: option(logger, {
    defaultText: "standard error, `warn` and above",
    text: "Where log lines go.",
  }),
  runtime: option(runtime, {
    defaultText: "the machine's",
    text: "Replaces parts of the runtime, for simulations.",
  }),
});

/** `ClusteredActorSystem.start(...)`. */
export const clusterTable = optionTable("ClusteredActorSystem.start", {
  name: option(label, { required: true, text: "Name of the system; the same for all nodes." }),
  nodeId: option(label, { defaultText: '`"host:port"`', text: "A label for people." }),
  host: option(hostText, {
    required: true,
    text: "The host under which others reach this node.",
  }),
  port: option(port, { required: true, text: "The port to listen on. 0: any." }),
  bindHost: option(hostText, { defaultText: "`host`", text: "The interface to listen on." }),
  seedNodes: option(
    either(list(addressText), callback("a function that returns a list"), group(dnsSeedsTable)),
    {
      defaultText: "none: this node bootstraps a cluster",
      text: "Addresses of nodes to join through: a list, a function or DNS.",
    },
  ),
  allowSelfBootstrap: option(flag, {
    default: false,
    text: "Whether this node may bootstrap a cluster without a majority of the seeds.",
  }),
  clusterConfig: option({
    kind: "record",
    key: text(1, 200),
    of: text(0, 1_024),
    max: 200,
    map: false,
  }, { defaultText: "none", text: "What all nodes must agree on." }),
  roles: option(list(label, 0, 64), { defaultText: "none", text: "Labels for placing work." }),
  appVersion: option(label, { defaultText: "none", text: "Version of the application." }),
  zone: option(label, {
    defaultText: "none",
    text: "Where this node runs: nodes that fail together have the same.",
  }),
  requiredQuorum: option(whole(1), {
    default: 1,
    text: "Members that must be up before `start` resolves.",
  }),
  startTimeout: option(time, { default: 60_000, text: "Time that `start` waits for the quorum." }),
  leaveTimeout: option(time, {
    default: 5_000,
    text: "Time for leaving the cluster at shutdown.",
  }),
  clientTimeout: option(time, {
    default: 60_000,
    text: "Time after which a client that is not connected counts as gone.",
  }),
  advertisedHost: option(hostText, {
    defaultText: "`host`",
    text: "The host in the address of this node.",
  }),
  advertisedPort: option(reachablePort, {
    defaultText: "the port that is listened on",
    text: "The port in the address of this node.",
  }),
  downing: option(objectWith("a DowningStrategy, such as keepMajority()", "decide"), {
    defaultText: "`keepMajority()`",
    text: "Which side of a partition survives.",
  }),
  whenDowned: option(choice("shutdown", "rejoin", "wait"), {
    default: "shutdown",
    text: "What this node does after it was declared down.",
  }),
  stallDetection: option(flag, {
    default: true,
    text: "Whether a thread answers other nodes while the event loop stalls.",
  }),
  stallPort: option(port, { default: 0, text: "Port of that thread. 0: any." }),
  membership: option(group(membershipTimingTable), {
    text: "Timing of the membership protocol.",
  }),
  extensions: option(list(callback("a function that makes a NodeExtension")), {
    defaultText: "none",
    text: "What runs on this node on top of the cluster, besides sharding.",
  }),
  ...connectionOptions(),
  ...without(actorSystemTable.options, "name", "runtime"),
}, {
  section: "cluster",
  advice: () => "use an object with name, host and port",
});

/** The second argument of `fromConfig(...)` of systems, nodes and clients. */
export const configPlaceTable = optionTable("fromConfig", {
  file: option(pathText, {
    defaultText: "`CASTY_CONFIG`, or `casty.toml` in the folder of the process",
    text: "The file with the configuration.",
  }),
  source: option(objectWith("a ConfigSource", "folder", "readFile", "env", "envNames"), {
    defaultText: "the process",
    text: "Where files and environment variables come from, for tests.",
  }),
});

/** The defaults of a node. */
export const clusterDefaults = clusterTable.defaults;

/** The type of the number of parties of a barrier, or of members to wait for. */
export const barrierParties = whole(1);

/** `waitFor(...)` and `barrier(...)` of a node. */
export const clusterWaitTable = optionTable("waitFor and barrier", {
  timeout: option(time, { default: 60_000, text: "Time until the wait fails." }),
});

/** The defaults of waiting for a cluster. */
export const clusterWaitDefaults = clusterWaitTable.defaults;

/** `keepOldest(...)`. */
export const keepOldestTable = optionTable("keepOldest", {
  downIfAlone: option(flag, {
    default: true,
    text: "Whether the oldest stops when it reaches no other full member.",
  }),
});

/** The defaults of keepOldest. */
export const keepOldestDefaults = keepOldestTable.defaults;

/** `staticQuorum(...)`. */
export const staticQuorumTable = optionTable("staticQuorum", {
  size: option(whole(1), {
    required: true,
    text: "Full members that a side needs: more than half of the largest cluster.",
  }),
});

/** The section `downing` of a configuration file. */
export const downingTable = optionTable("downing in casty.toml", {
  strategy: option(choice("keepMajority", "keepOldest", "staticQuorum"), {
    default: "keepMajority",
    text: "Which side of a partition survives. Other strategies are passed in code.",
  }),
  keepOldest: option(group(keepOldestTable), { text: "Options of `keepOldest`." }),
  staticQuorum: option(group(staticQuorumTable), { text: "Options of `staticQuorum`." }),
}, { section: "downing" });

/** The defaults of that section. */
export const downingDefaults = downingTable.defaults;

/** The type of the lease of `leaseMajority(...)`. */
export const leaseType = objectWith("a Lease, such as fileLease(...)", "acquire", "release");

/** `leaseMajority(...)`. */
export const leaseMajorityTable = optionTable("leaseMajority", {
  minorityDelay: option(time, {
    default: 2_000,
    text: "Time that the smaller side waits before it asks for the lease.",
  }),
});

/** The defaults of leaseMajority. */
export const leaseMajorityDefaults = leaseMajorityTable.defaults;

const leaseOptions = {
  // The winner of a partition holds the lease for 60 s.
  ttl: option(number(70_000, undefined, { unit: "milliseconds" }), {
    default: 120_000,
    text: "Time after which the lease expires; a side holds it for 60 s.",
  }),
  clock: option(clock, {
    defaultText: "the clock of the node's runtime",
    text: "Source of the time of day.",
  }),
};

/** `kvLease(...)`. */
export const leaseTable = optionTable("kvLease", leaseOptions);

/** `fileLease(...)`. */
export const fileLeaseTable = optionTable("fileLease", {
  ...leaseOptions,
  storage: option(storage, {
    defaultText: "the storage of the node's runtime",
    text: "Where the files are.",
  }),
});

/** A name of Kubernetes (RFC 1123). */
const kubernetesName = text(1, 253, {
  name: "a name of Kubernetes: lower-case letters, digits, - and .",
  test: (name) => /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name),
  example: "shop-downing",
});

/** `kubernetesLease(...)`. */
export const kubernetesLeaseTable = optionTable("kubernetesLease", {
  ...leaseOptions,
  name: option(kubernetesName, {
    required: true,
    text: "Name of the lease; the same on all nodes of a cluster.",
  }),
  namespace: option(kubernetesName, {
    defaultText: "that of the pod",
    text: "Namespace of the lease.",
  }),
  server: option(text(1, 2_048), {
    default: "https://kubernetes.default.svc",
    text: "The API server.",
  }),
  token: option(callback("a function that returns the token, or a promise of it"), {
    defaultText: "that of the service account of the pod",
    text: "Called for each request.",
  }),
  fetch: option(callback("a function such as fetch"), {
    defaultText: "the global one",
    text: "Makes requests.",
  }),
});

const positive = number(0, undefined, { above: true });

/** The phi accrual failure detector. Not for users, but for `acceptablePause`. */
export const detectorTable = optionTable("detector", {
  threshold: option(positive, { default: 8, text: "Phi from which a member counts as silent." }),
  acceptablePause: membershipTimingTable.options.acceptablePause,
  minStdDeviation: option(positive, { default: 200, text: "Least standard deviation." }),
  maxSamples: option(positive, { default: 200, text: "Intervals that are remembered." }),
  firstEstimate: option(positive, {
    default: 1_000,
    text: "The interval before two are measured.",
  }),
  minSampleInterval: option(span, {
    default: 0,
    text: "Heartbeats closer than this are no sample.",
  }),
});

/** The defaults of the failure detector. */
export const detectorDefaults = detectorTable.defaults;

const userTiming = without(membershipTimingTable.options, "acceptablePause", "stableAfter");

/**
 * Numbers of the membership protocol. Users set those of `membership` only; the rest is for tests of
 * the protocol.
 */
export const membershipTable = optionTable("membership protocol", {
  ...userTiming,
  gossipFanout: option(whole(1), { default: 3, text: "Members that one round goes to." }),
  monitorsPerMember: option(whole(1), { default: 5, text: "Members that monitor each member." }),
  indirectProbes: option(whole(0), {
    default: 3,
    text: "Members that are asked before a silent one is accused.",
  }),
  joinRetryInterval: option(interval, {
    default: 1_000,
    text: "Time between two attempts to join.",
  }),
  seedTimeout: option(span, {
    default: 5_000,
    text: "Time after which a majority of the seeds is enough.",
  }),
  seedWindow: option(span, {
    default: 5_000,
    text: "Time for which answers about dynamic seeds are collected before one of them bootstraps.",
  }),
  leaveTimeout: clusterTable.options.leaveTimeout as Option<5_000>,
  maxMembers: option(whole(1, 10_000), { default: 5_000, text: "Members of the cluster." }),
  tombstoneLifetime: option(interval, {
    default: 86_400_000,
    text: "Time that removed members are remembered.",
  }),
  maxTombstones: option(whole(1, 10_000), {
    default: 10_000,
    text: "Removed members that are remembered.",
  }),
});

/** The defaults of the membership protocol. */
export const membershipDefaults = membershipTable.defaults;
