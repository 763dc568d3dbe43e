import {
  callback,
  countOrInfinity,
  either,
  flag,
  group,
  list,
  milliseconds,
  number,
  option,
  optionTable,
  whole,
} from "../option.ts";
import { actorSystemTable, askTable } from "./actor_tables.ts";
import { connectionOptions } from "./cluster_tables.ts";
import { addressText, hostText, label, signal } from "./forms.ts";
import { shardBufferTable } from "./sharding_tables.ts";

const port = whole(0, 65_535);

/** The type of a list of contact points. */
export const contactPointList = list(addressText, 1);

/** `ClusterClient.connect(...)`. */
export const clientTable = optionTable("ClusterClient.connect", {
  contactPoints: option(either(contactPointList, callback("a function that returns a list")), {
    required: true,
    text: "Addresses of nodes to begin with; more are learned.",
  }),
  systemName: option(label, { required: true, text: "Name of the cluster's system." }),
  clientHost: option(hostText, {
    default: "127.0.0.1",
    text: "Host in the label of the client, which nodes show to people.",
  }),
  clientPort: option(port, { default: 0, text: "Port in that label. 0: none." }),
  advertisedHost: option(hostText, {
    defaultText: "`clientHost`",
    text: "Takes the place of `clientHost` in the label.",
  }),
  advertisedPort: option(port, {
    defaultText: "`clientPort`",
    text: "Takes the place of `clientPort` in the label.",
  }),
  lazy: option(flag, { default: false, text: "Whether `connect` resolves before a node answers." }),
  connectTimeout: option(milliseconds(1), {
    default: 10_000,
    text: "Time until `connect` fails.",
  }),
  signal: option(signal, { defaultText: "none", text: "Ends `connect` when it is aborted." }),
  liveness: option(milliseconds(1_000), {
    default: 10_000,
    text: "Silence after which a contact is given up.",
  }),
  buffer: option(group(shardBufferTable), {
    text: "Bounds of messages that wait for the owner of their shard.",
  }),
  unisocket: option(flag, {
    default: false,
    text: "Whether all traffic goes through one node, for networks where one address is reachable.",
  }),
  maxPendingAsks: { ...actorSystemTable.options.maxPendingAsks },
  ...connectionOptions(),
}, {
  section: "client",
  advice: () => "use an object with contactPoints and systemName",
});

/** The defaults of a client. */
export const clientDefaults = clientTable.defaults;

/** The option `retry` of `client.ask(...)`. */
export const askRetryTable = optionTable("retry", {
  attempts: option(countOrInfinity(1), {
    defaultText: "until the timeout",
    text: "How often it is asked in all.",
  }),
  attemptTimeout: option(milliseconds(1), {
    default: 1_000,
    text: "Time without a reply after which it is asked again.",
  }),
  delay: option(milliseconds(0), {
    default: 50,
    text: "Longest pause before the second attempt; doubles with each, up to 2 000.",
  }),
});

/** The defaults of a retry. */
export const askRetryDefaults = askRetryTable.defaults;

/** `client.ask(...)`. */
export const clientAskTable = optionTable("client.ask", {
  ...askTable.options,
  retry: option(either(flag, group(askRetryTable)), {
    defaultText: "never",
    text: "Asks again if the ask or its reply was lost.",
  }),
}, { advice: askTable.advice! });

/** How a client keeps in touch. Not for users, but for `liveness`. */
export const contactTable = optionTable("contacts", {
  contacts: option(whole(1), { default: 2, text: "Nodes that the client listens to at once." }),
  answerTimeout: option(milliseconds(1), {
    default: 3_000,
    text: "Time until a silent node is given up.",
  }),
  refreshInterval: option(milliseconds(1), {
    default: 3_000,
    text: "Time between two requests to a node that answers.",
  }),
  liveness: clientTable.options.liveness,
  minPause: option(number(0), {
    default: 400,
    text: "Longest pause after the first failure of a node; doubles with each.",
  }),
  maxPause: option(number(0), { default: 5_000, text: "Longest pause of all." }),
});

/** The defaults of how a client keeps in touch. */
export const contactDefaults = contactTable.defaults;
