import {
  callback,
  choice,
  countOrInfinity,
  either,
  flag,
  group,
  number,
  objectWith,
  option,
  optionTable,
  text,
  whole,
} from "../option.ts";
import { mailboxTable } from "./actor_tables.ts";
import { label, standardSchema, storage } from "./forms.ts";
import { journal } from "./persistence_tables.ts";

/** More shards than a table of shards has room for. */
export const maxNumShards = 65_536;
/** The most entities of one shard that can be remembered. */
export const maxRememberedPerShard = 10_000;

const numShards = option(whole(1, maxNumShards), {
  default: 256,
  text: "Shards that the entities are spread over; the same on every node and client.",
});
const buffered = number(1, undefined, { whole: true, infinity: true });

/** The option `buffer` of sharded behaviours and clients. */
export const shardBufferTable = optionTable("buffer", {
  maxBufferedPerShard: option(buffered, {
    default: 1_000,
    text: "Messages that wait for one shard.",
  }),
  maxBuffered: option(buffered, {
    default: 100_000,
    text: "Messages that wait for all shards of one type together.",
  }),
  maxBufferedBytes: option(number(1, undefined, { infinity: true, unit: "bytes" }), {
    default: 8_388_608,
    text: "Estimated size of the messages that wait for all shards of one type together.",
  }),
  maxBufferedTime: option(
    number(0, undefined, { above: true, infinity: true, unit: "milliseconds" }),
    { default: 10_000, text: "Time that a message waits." },
  ),
});

/** The default limits of messages that wait for a shard. */
export const shardBufferDefaults = shardBufferTable.defaults;

/** The option `passivation` of sharded behaviours. */
export const passivationTable = optionTable("passivation", {
  idle: option(number(0, undefined, { above: true, infinity: true, unit: "milliseconds" }), {
    default: 120_000,
    text: "Time after which an entity that does not work is stopped. `Infinity`: never.",
  }),
  ignoreTimers: option(flag, {
    default: false,
    text: "Whether an entity that only has timers of its own counts as idle.",
  }),
  limit: option(countOrInfinity(1), {
    default: 100_000,
    text: "Entities of the type that run at one node; the least recently used is stopped for one " +
      "more. A small one takes about 1.5 KB.",
  }),
});

/** The defaults of passivation. */
export const passivationDefaults = passivationTable.defaults;

/** The option `mailbox` of sharded behaviours. */
export const entityMailboxTable = optionTable("mailbox of Behaviors.sharded", {
  capacity: option(countOrInfinity(1), {
    default: 10_000,
    text: "Messages that may wait for one entity, the stash included.",
  }),
  maxBytes: option(number(1, undefined, { whole: true, infinity: true, unit: "bytes" }), {
    default: 67_108_864,
    text:
      "Size of the messages that wait for one entity, by `sizeOf`; the stash may hold as much again.",
  }),
  sizeOf: mailboxTable.options.sizeOf,
  overflow: mailboxTable.options.overflow,
});

/** The defaults of the mailboxes of entities. */
export const entityMailboxDefaults = entityMailboxTable.defaults;

const entityStore = objectWith("an object with load and save", "load", "save");

/** The option `rememberEntities` of sharded behaviours. */
export const rememberTable = optionTable("rememberEntities", {
  store: option(entityStore, {
    defaultText: "none",
    text: "Remembers entities across a restart of the whole cluster.",
  }),
  batch: option(whole(1), { default: 5, text: "Entities that are started at once." }),
  interval: option(number(0, undefined, { above: true, unit: "milliseconds" }), {
    default: 100,
    text: "Time between two such starts.",
  }),
  maxPerShard: option(whole(1, maxRememberedPerShard), {
    default: 1_000,
    text: "Entities of one shard that are remembered.",
  }),
});

/** The defaults of remembered entities. */
export const rememberDefaults = rememberTable.defaults;

/** The most copies of a shard besides the owner's. */
export const maxReplicas = 6;

/** The option `replication` of sharded behaviours. */
export const replicationTable = optionTable("replication", {
  replicas: option(whole(1, maxReplicas), {
    default: 2,
    text:
      "Copies of each shard at other nodes, besides the owner's; with a database: hot standbys.",
  }),
  minAcks: option(whole(1, maxReplicas), {
    default: 1,
    text:
      "Other copies that must have an event before its sender is answered; at most `replicas`. " +
      "With a database it is ignored.",
  }),
  ackTimeout: option(number(0, undefined, { above: true, unit: "milliseconds" }), {
    default: 5_000,
    text: "Time after which asks fail with an unknown outcome if too few copies have answered. " +
      "With a database it is ignored.",
  }),
  allowDataLoss: option(flag, {
    default: false,
    text: "Whether a shard goes on without events whose copies are all lost, instead of waiting. " +
      "With a database it is ignored.",
  }),
  maxWarmEntities: option(whole(1), {
    default: 10_000,
    text: "With a database: entities of the type that a node keeps ready as a hot standby; the " +
      "least recently changed is dropped for one more.",
  }),
  maxWarmBytes: option(number(1, undefined, { whole: true, unit: "bytes" }), {
    default: 67_108_864,
    text: "With a database: size of the states that a node keeps ready, by an estimate.",
  }),
});

/** The defaults of replication. */
export const replicationDefaults = replicationTable.defaults;

/** `Behaviors.sharded(...)`. */
export const shardedTable = optionTable("Behaviors.sharded", {
  numShards,
  role: option(label, {
    defaultText: "all nodes",
    text: "Only nodes with this role run entities.",
  }),
  strategy: option(objectWith("an AllocationStrategy, such as leastShards()", "allocate"), {
    defaultText: "`leastShards`",
    text: "Which node gets which shard.",
  }),
  passivation: option(either(group(passivationTable), choice(false)), {
    defaultText: "after 120 000 ms without work",
    text: "When unused entities are stopped; `false`: never.",
  }),
  buffer: option(group(shardBufferTable), {
    text: "Bounds of messages that wait while a shard moves or its owner is not known.",
  }),
  mailbox: option(group(entityMailboxTable), {
    text: "Bounds of the mailbox of each entity.",
  }),
  maxStartsPerIdentity: option(countOrInfinity(1), {
    default: 10_000,
    text: "Entities that clients with one certificate may start at a node, a second.",
  }),
  maxPendingPerEntity: option(countOrInfinity(1), {
    default: 1_000,
    text: "Messages that wait for one entity while it stops, besides those that it had accepted.",
  }),
  stopTimeout: option(
    number(0, undefined, { above: true, infinity: true, unit: "milliseconds" }),
    { default: 10_000, text: "Time that a stopping entity has for earlier messages." },
  ),
  rememberEntities: option(either(flag, entityStore, group(rememberTable)), {
    default: false,
    text: "Whether running entities start again when their shard has moved or its owner has died.",
  }),
  journal: option(journal, {
    defaultText: "the journal of the node",
    text: "Where durable entities of the type are stored.",
  }),
  replication: option(group(replicationTable), {
    defaultText: "none",
    text: "Keeps the events of durable entities at several nodes.",
  }),
  clients: option(callback("a function of the client"), {
    defaultText: "all clients",
    text: 'Which clients may send messages: `true`, `false`, or `"read"` for what `reads` permits.',
  }),
  reads: option(callback("a function of the message"), {
    defaultText: "no message",
    text: 'Which messages clients with the access `"read"` may send.',
  }),
}, { section: "sharding" });

/** The defaults of sharded behaviours. */
export const shardedDefaults = shardedTable.defaults;

/** The longest entity id, in UTF-16 code units. */
export const maxEntityId = 512;

/** The type of the id of an entity. */
export const entityIdText = text(1, maxEntityId, {
  name: `a well-formed text of 1 to ${maxEntityId} characters`,
  test: (id) => id.isWellFormed(),
  example: "alice",
});

/** The type of the name of an entity type. */
export const entityTypeName = text(1, 200, {
  name: "a text of 1 to 200 letters, digits, $, _ or -",
  test: (name) => /^[A-Za-z0-9$][A-Za-z0-9$_-]*$/.test(name),
  example: "counters",
});

/** `fileEntityStore(...)`. */
export const fileEntityStoreTable = optionTable("fileEntityStore", {
  storage: option(storage, {
    defaultText: "the storage of the node's runtime",
    text: "Where the files are.",
  }),
});

/** `entityType(...)`. */
export const entityTypeTable = optionTable("entityType", {
  numShards,
  schema: option(
    standardSchema,
    {
      defaultText: "no validation",
      text: "What messages from other processes must look like.",
    },
  ),
});

/** `entityRef(...)` of a node or client. */
export const entityRefTable = optionTable("entityRef", { numShards });
