import {
  anything,
  callback,
  choice,
  code,
  either,
  flag,
  group,
  list,
  number,
  option,
  optional,
  optionTable,
  text,
  whole,
  without,
} from "../option.ts";
import { actorSystemTable, spawnTable } from "./actor_tables.ts";
import { clientTable } from "./client_tables.ts";
import { clusterTable } from "./cluster_tables.ts";
import { isObject, label, logger, pathText } from "./forms.ts";
import { serializerList } from "./wire_tables.ts";

/** The type of virtual times. */
export const virtualTime = number(0, undefined, { unit: "milliseconds" });
/** The type of a number of messages. */
export const messageCount = whole(0);
const longest = 1e10;
/** Wall time at which virtual times begin, milliseconds since 1970. */
const firstWallTime = 1_700_000_000_000;
const seed = either(number(-Number.MAX_SAFE_INTEGER), text(0, 1_000));

/** `ActorTestKit.create(...)`. */
export const actorTestKitTable = optionTable("ActorTestKit.create", {
  seed: option(seed, { default: 1, text: "All random values of the system follow from it." }),
  logger: option(logger, {
    defaultText: "lines are only recorded",
    text: "Gets each log line as well.",
  }),
  ...without(actorSystemTable.options, "runtime"),
});

/** The defaults of an actor test kit. */
export const actorTestKitDefaults = actorTestKitTable.defaults;

/** `BehaviorTestKit.create(...)`. */
export const behaviorTestKitTable = optionTable("BehaviorTestKit.create", {
  name: option(label, { default: "test", text: "Name of the actor that the behaviour runs as." }),
  stashCapacity: spawnTable.options.stashCapacity,
  entityId: option(text(0, 1_000), {
    default: "",
    text: "`context.entityId`; empty: it is no entity.",
  }),
  grantEpoch: option(whole(0), { default: 0, text: "`context.epoch`." }),
  deadline: option(number(0, undefined, { unit: "milliseconds" }), {
    defaultText: "none, the messages are of no ask",
    text: "`context.deadline`, on the clock of the kit's system.",
  }),
  storedEvents: option(list(anything), {
    defaultText: "none",
    text: "Events of a durable actor that are stored before it starts; of `durableState`, states.",
  }),
  storedVersion: option(whole(0, 1_000_000), {
    default: 0,
    text: "The version of their schema.",
  }),
  verify: option(flag, {
    default: true,
    text: "Whether a durable actor is checked after each step: codec, replay, unchanged states.",
  }),
  serializers: option(serializerList, {
    defaultText: "none",
    text: "How values of your classes in messages of a durable actor cross the wire.",
  }),
  wallTime: option(number(0, undefined, { unit: "milliseconds" }), {
    default: firstWallTime,
    text: "The wall time when it starts, since 1970.",
  }),
});

/** The defaults of a behaviour test kit. */
export const behaviorTestKitDefaults = behaviorTestKitTable.defaults;

/** `new TestProbe(...)`. */
export const testProbeTable = optionTable("TestProbe", {
  name: option(label, { defaultText: '`"probe-1"` and so on', text: "Name of its actor." }),
  capacity: option(whole(1), { default: 100_000, text: "Messages that it keeps for the test." }),
});

/** The defaults of a probe. */
export const testProbeDefaults = testProbeTable.defaults;

/** Methods that wait for something. */
export const waitTable = optionTable("expect...", {
  timeout: option(virtualTime, { default: 3_000, text: "Time on the clock of the system." }),
});

/** The defaults of a wait. */
export const waitDefaults = waitTable.defaults;

/** Methods that check that no message arrives. */
export const quietTable = optionTable("expectNo...", {
  duration: option(virtualTime, { default: 100, text: "Time on the clock of the system." }),
});

/** The defaults of checks that no message arrives. */
export const quietDefaults = quietTable.defaults;

/** The option `health` of simulations. */
export const healthTable = optionTable("health", {
  tolerance: option(virtualTime, {
    default: 3_000,
    text: "Time that a node may be disturbed without counting as unhealthy.",
  }),
  stall: option(virtualTime, {
    default: 55_000,
    text: "Time that an event loop may stall while its process runs.",
  }),
  memory: option(virtualTime, {
    default: 30_000,
    text: "Time for which a node counts as unhealthy after it has recovered.",
  }),
});

/** The default limits of a healthy node. */
export const healthDefaults = healthTable.defaults;

/** The option `latency` of simulations. */
export const latencyTable = optionTable("latency", {
  min: option(virtualTime, { required: true, text: "Shortest time." }),
  max: option(virtualTime, { required: true, text: "Longest time." }),
});

/** The defaults of latency in simulations. */
export const latencyDefaults = { min: 1, max: 5 } as const;

/** The option `source` of simulations. */
export const sourceTable = optionTable("source", {
  module: option(text(1, 10_000), { required: true, text: "URL of the module." }),
  export: option(text(1, 1_000), { required: true, text: "Name of the export." }),
});

/** The option `cluster` of simulations. */
export const simulatedNodeTable = optionTable(
  "cluster of simulate",
  without(
    optional(clusterTable.options),
    "name",
    "host",
    "port",
    "bindHost",
    "nodeId",
    "runtime",
    "tls",
  ),
);

const setup = {
  name: option(text(0, 1_000), {
    defaultText: 'the name of the function, or `"scenario"`',
    text: "Names the scenario in failures.",
  }),
  nodes: option(whole(1, 1_000), { default: 3, text: "Nodes." }),
  duration: option(number(0, longest, { above: true, unit: "milliseconds" }), {
    default: 60_000,
    text: "Virtual time that it lasts after the cluster has formed.",
  }),
  linger: option(number(0, longest, { unit: "milliseconds" }), {
    defaultText: "until `duration` is over",
    text: "Virtual time that the simulation continues after `run` has ended.",
  }),
  faults: option(
    either(list(code("a Fault", isObject)), callback("a function of a random source")),
    {
      defaultText: "none",
      text: "The faults, or a function that generates them from the seed.",
    },
  ),
  invariants: option(list(callback("a function that makes an invariant")), {
    defaultText: "standardInvariants",
    text: "Invariants.",
  }),
  setup: option(callback("a function of the node"), {
    text: "Called each time that a node is up.",
  }),
  cluster: option(either(group(simulatedNodeTable), callback("a function of the node")), {
    defaultText: "none",
    text: "Options of all nodes or of each.",
  }),
  formed: option(flag, {
    default: true,
    text: "Whether the cluster forms before the scenario and the faults begin.",
  }),
  startSpread: option(virtualTime, {
    default: 500,
    text: "Time within which the nodes start.",
  }),
  restartEnded: option(either(virtualTime, choice(false)), {
    default: 5_000,
    text: "Time after which a node that has ended is started again; `false`: never.",
  }),
  latency: option(group(latencyTable), {
    defaultText: "1 to 5",
    text: "Latency of packets without faults.",
  }),
  health: option(group(healthTable), {
    text: "From where on a node counts as unhealthy.",
  }),
  source: option(group(sourceTable), {
    text: "Where the scenario can be imported from, for the test that a failure writes.",
  }),
};

/** A scenario of `simulate`. */
export const scenarioTable = optionTable("the scenario of simulate", {
  ...setup,
  run: option(callback("a function of the simulation"), {
    defaultText: "only the faults",
    text: "What happens.",
  }),
  create: option(callback("a function that makes a scenario"), {
    defaultText: "all runs share the scenario",
    text: "Makes the rest of the scenario, or only `run`, once for each run.",
  }),
});

/** `simulate(...)`. */
export const simulationTable = optionTable("simulate", {
  seed: option(seed, { required: true, text: "All random values follow from it." }),
  shrink: option(messageCount, {
    default: 200,
    text: "Largest number of runs to find fewer faults. 0: a failure is reported as it is.",
  }),
  failures: option(either(pathText, choice(false)), {
    default: "simulation_failures",
    text: "Folder for the test that a failure writes; `false`: none is written.",
  }),
  ...setup,
});

/** The defaults of simulations. */
export const simulationDefaults = simulationTable.defaults;

/** `randomFaults(...)`. */
export const randomFaultsTable = optionTable("randomFaults", {
  kinds: option(list(text(1, 100), 1), {
    defaultText: "all except `suspend` and the faults of disks and the database",
    text: "Kinds of faults.",
  }),
  every: option(number(0, longest, { above: true, unit: "milliseconds" }), {
    default: 5_000,
    text: "Virtual time between two faults, on average.",
  }),
  longest: option(virtualTime, { default: 20_000, text: "Longest virtual time of a fault." }),
  maxVictims: option(messageCount, {
    defaultText: "less than half of them",
    text: "Nodes that may be disturbed at a time.",
  }),
  quiet: option(virtualTime, {
    defaultText: "a third of the duration",
    text: "The last part of the scenario, without faults.",
  }),
});

/** The defaults of random faults. */
export const randomFaultsDefaults = randomFaultsTable.defaults;

const limit = number(0, undefined, { infinity: true, unit: "milliseconds" });

/** `until(...)` of a simulation. */
export const untilTable = optionTable("until", {
  limit: option(limit, {
    default: 60_000,
    text: "Virtual time within which the condition must hold.",
  }),
  what: option(text(0, 10_000), { defaultText: "its source", text: "Names the condition." }),
});

/** `converged(...)` of a simulation. */
export const convergedTable = optionTable("converged", without(untilTable.options, "what"));

/** `faultsOver(...)` of a simulation. */
export const faultsOverTable = optionTable("faultsOver", {
  limit: option(limit, {
    defaultText: "no limit",
    text: "Virtual time within which all faults must be over.",
  }),
});

/** `connect(...)` of a simulation. */
export const simulatedClientTable = optionTable(
  "connect of a simulation",
  without(optional(clientTable.options), "systemName", "runtime", "tls"),
);

/** `new ManualClock(...)`. */
export const manualClockTable = optionTable("ManualClock", {
  epoch: option(number(0), {
    default: firstWallTime,
    text: "Wall time of the beginning, milliseconds since 1970.",
  }),
});

/** The defaults of a manual clock. */
export const manualClockDefaults = manualClockTable.defaults;

/** `checkLinearizability(...)`. */
export const linearizabilityTable = optionTable("checkLinearizability", {
  maxConfigurations: option(whole(1), {
    default: 2_000_000,
    text: "Configurations that are examined for one key before the search gives up.",
  }),
});

/** `new RecordedLog(...)`. */
export const recordedLogTable = optionTable("RecordedLog", {
  capacity: option(whole(1), { default: 10_000, text: "Lines that are kept." }),
  next: option(logger, { defaultText: "none", text: "Gets each line as well." }),
  onLine: option(callback("a function"), { defaultText: "none", text: "Called after each line." }),
});

/** `rehearse(...)`. */
export const rehearsalTable = optionTable("rehearse", {
  ids: option(list(text(1, 1_024)), {
    defaultText: "all that have events in the store",
    text: "Persistence ids that are replayed.",
  }),
  limit: option(whole(1), { defaultText: "all", text: "Ids that are replayed, at most." }),
  maxProblems: option(whole(1), {
    default: 1_000,
    text: "Problems that are kept; all are counted.",
  }),
  onProgress: option(callback("a function of the progress"), {
    defaultText: "none",
    text: "Called after each id.",
  }),
});

/** The defaults of rehearsals. */
export const rehearsalDefaults = rehearsalTable.defaults;
