import {
  callback,
  code,
  group,
  number,
  option,
  optionTable,
  text,
  type TextForm,
  whole,
} from "../option.ts";
import { label, signal } from "./forms.ts";
import { journal } from "./persistence_tables.ts";
import { replicationTable } from "./sharding_tables.ts";

const groupName: TextForm = {
  name: "a text of 1 to 100 letters, digits, _ or -",
  test: (name) => /^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(name),
  example: "ledger",
};

/** The type of the name of a group of structures. */
export const groupText = text(1, 100, groupName);

/** The type of the name of a structure. */
export const structureName = text(1, 400, {
  name: "a well-formed text of 1 to 400 characters",
  test: (name) => name.isWellFormed(),
  example: "hits",
});

/** The type of a key of a map, and of a value of a set. */
export const structureKey = code(
  "a well-formed text of at most 1 023 characters, a number, a bigint of at most 1 000 digits, a " +
    "boolean or null",
  (key) =>
    key === null || typeof key === "number" || typeof key === "boolean" ||
    typeof key === "string" && key.length < 1_024 && key.isWellFormed() ||
    typeof key === "bigint" && String(key).length < 1_000,
);

/** The type of an amount of a counter. */
export const amount = whole(Number.MIN_SAFE_INTEGER);
/** The type of a number of permits. */
export const permits = whole(1, 100_000);
/** The type of a number of parties of a barrier. */
export const parties = whole(1, 10_000);

const positive = (max?: number) => number(0, max, { above: true, unit: "milliseconds" });
const day = 86_400_000;

/** Bounds of the structures of a group. */
export const structureLimitsTable = optionTable("limits", {
  maxValueBytes: option(whole(1, 16_777_216), {
    default: 65_536,
    text: "Bytes of one value of a map, or of one item of a queue.",
  }),
  maxEntries: option(whole(1), {
    default: 50_000,
    text: "Entries of one map, values of one set, items of one queue, parked ones included.",
  }),
  maxBytes: option(number(1, undefined, { whole: true, unit: "bytes" }), {
    default: 8_388_608,
    text: "Bytes of all keys and values of one structure.",
  }),
  maxWaiters: option(whole(1), {
    default: 10_000,
    text: "Acquirers that wait for one lock or semaphore, and parties that wait at one barrier.",
  }),
  maxWaitersPerIdentity: option(whole(1), {
    default: 1_000,
    text: "The same of clients with one certificate; of a lock or semaphore, those that hold it " +
      "count too.",
  }),
  maxStructures: option(whole(1), {
    default: 100_000,
    text: "Structures that run at one node.",
  }),
  maxStructuresPerIdentity: option(whole(1), {
    default: 10_000,
    text: "Structures that clients with one certificate were the first to use at one node.",
  }),
  maxBytesPerIdentity: option(number(1, undefined, { whole: true, unit: "bytes" }), {
    default: 268_435_456,
    text: "Bytes of all of these structures, with 64 more for each entry.",
  }),
});

/** The default bounds of structures. */
export const structureLimits = structureLimitsTable.defaults;

/** `system.distributed(...)` of a node. */
export const distributedTable = optionTable("distributed", {
  name: option(groupText, {
    default: "default",
    text: "Name of the group: structures of different groups have nothing in common.",
  }),
  journal: option(journal, {
    defaultText: "none",
    text: "Where counters, maps, sets and queues are stored; without it they are volatile.",
  }),
  replication: option(group(replicationTable), {
    defaultText: "none",
    text: "Keeps counters, maps, sets and queues at several nodes.",
  }),
  role: option(label, {
    defaultText: "all nodes that open the group",
    text: "Only nodes with this role run structures.",
  }),
  clients: option(callback("a function of the client"), {
    defaultText: "all clients",
    text:
      'Which clients may use structures: `true`, `false`, or `"read"` for what changes nothing.',
  }),
  limits: option(group(structureLimitsTable), { text: "Bounds of the structures." }),
});

/** `client.distributed(...)`. */
export const clientDistributedTable = optionTable("distributed of a client", {
  name: option(groupText, {
    default: "default",
    text: "Name of the group, as the nodes have opened it.",
  }),
});

const timeout = option(positive(), {
  default: 5_000,
  text: "Time after which the operation fails.",
});
const abort = option(signal, { defaultText: "none", text: "Gives up when it is aborted." });

/** The options of every operation of a structure. */
export const operationTable = optionTable("operations of structures", { timeout, signal: abort });

/** `acquire` and `tryAcquire` of locks and semaphores. */
export const acquireTable = optionTable("acquire", {
  timeout,
  signal: abort,
  ttl: option(number(1_000, day, { unit: "milliseconds" }), {
    default: 30_000,
    text: "How long it stays held after the last renewal; it is renewed after a third of it.",
  }),
});

/** `arrive` of barriers. */
export const arriveTable = optionTable("arrive", {
  timeout: option(positive(), {
    default: 60_000,
    text: "Time after which the party does not wait any more.",
  }),
  signal: abort,
});

/** `set` and `compareAndSet` of maps. */
export const putTable = optionTable("set of maps", {
  timeout,
  signal: abort,
  ttl: option(positive(), {
    defaultText: "never",
    text: "Time after which the entry is gone.",
  }),
});

/** `reserve` of queues. */
export const reserveTable = optionTable("reserve", {
  timeout,
  signal: abort,
  visibility: option(positive(day), {
    default: 30_000,
    text: "Time after which the item is given out again, unless it was acknowledged.",
  }),
  maxTries: option(whole(1, 1_000_000), {
    default: 16,
    text: "Times that an item is given out; then it is parked.",
  }),
});

/** The type of the pause before a rejected item is given out again. */
export const redeliveryDelay = number(0, day, { unit: "milliseconds" });
