import { callback, group, objectWith, option, optionTable, whole } from "../option.ts";
import { label } from "./forms.ts";
import { journal } from "./persistence_tables.ts";
import {
  entityMailboxTable,
  replicationTable,
  shardBufferTable,
  shardedTable,
} from "./sharding_tables.ts";

/** The most workers of one name. */
export const maxWorkers = 1_024;

const { stopTimeout, clients, reads } = shardedTable.options;
const buffer = option(group(shardBufferTable), {
  text: "Bounds of messages that wait while it moves or its node is not known.",
});
const mailbox = option(group(entityMailboxTable), { text: "Bounds of its mailbox." });
const role = option(label, {
  defaultText: "all nodes",
  text: "Only nodes with this role run it.",
});
const store = option(journal, {
  defaultText: "the journal of the node",
  text: "Where it is stored, if it is a durable actor.",
});
const replication = option(group(replicationTable), {
  defaultText: "none",
  text: "Keeps its events at several nodes, if it is a durable actor.",
});
const strategy = option(
  objectWith("an AllocationStrategy, such as preferRole(...)", "allocate"),
  { defaultText: "by a hash of name and address", text: "Which node runs it." },
);

/** `Behaviors.singleton(...)`. */
export const singletonTable = optionTable("Behaviors.singleton", {
  role,
  strategy,
  buffer,
  mailbox,
  stopTimeout,
  journal: store,
  replication,
  clients,
  reads,
});

/** `Behaviors.workers(...)`. */
export const workersTable = optionTable("Behaviors.workers", {
  role,
  strategy: option(objectWith("an AllocationStrategy, such as zoneAware()", "allocate"), {
    defaultText: "`leastShards`",
    text: "Which node runs which worker.",
  }),
  buffer,
  mailbox,
  stopTimeout,
  journal: store,
  replication,
  clients,
  reads,
});

/** `Behaviors.scheduled(...)`. */
export const scheduledTable = optionTable("Behaviors.scheduled", {
  role,
  strategy,
  stopTimeout,
  journal: option(journal, {
    defaultText: "the journal of the node",
    text: "Where it is stored when the job has run.",
  }),
  replication: option(group(replicationTable), {
    defaultText: "none",
    text: "Keeps at several nodes when the job has run, instead of in a journal.",
  }),
  clients,
});

/** The type of the number of workers. */
export const workerCount = whole(1, maxWorkers);

/** The type of what is done. */
export const job = callback("a function of the context and the due time");
/** The type of the behaviour of each worker. */
export const workerFactory = callback("a function of the number of the worker");
