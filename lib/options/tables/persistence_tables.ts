import {
  anything,
  callback,
  choice,
  code,
  countOrInfinity,
  flag,
  group,
  milliseconds,
  number,
  objectWith,
  option,
  optionTable,
  text,
  whole,
} from "../option.ts";
import { maxDelay } from "../../runtime/clock.ts";
import { label } from "./forms.ts";
import { serializerList } from "./wire_tables.ts";

/** The type of a journal. */
export const journal = objectWith("a Journal, such as memoryJournal()", "open", "append", "read");

/** `persistence` of a system or a node. */
export const persistenceTable = optionTable("persistence", {
  journal: option(journal, {
    defaultText: "none",
    text: "Where durable actors without a journal of their own are stored. Who made it closes it.",
  }),
  maxRecoveries: option(whole(1, 1_000_000), {
    default: 50,
    text: "Actors that recover from one journal at once; others wait for their turn.",
  }),
  dueInterval: option(milliseconds(10), {
    default: 1_000,
    text: "Time between two looks for entities that have work to do and do not run.",
  }),
});

/** The defaults of `persistence`. */
export const persistenceDefaults = persistenceTable.defaults;

/** `sqliteJournal(...)`. */
export const sqliteJournalTable = optionTable("sqliteJournal", {
  synchronous: option(choice("FULL", "NORMAL"), {
    default: "FULL",
    text:
      "Whether a commit waits for the disk (`FULL`), or a power failure may lose the last ones.",
  }),
  maxWaiting: option(whole(1, 10_000_000), {
    default: 10_000,
    text: "Writes that may wait for a commit; more are refused.",
  }),
});

/** `postgresJournal(...)`. */
export const postgresJournalTable = optionTable("postgresJournal", {
  connections: option(whole(1, 1_000), {
    default: 4,
    text: "Connections that write at once, and as many that read.",
  }),
  maxBatch: option(whole(1, 100_000), {
    default: 1_000,
    text: "Events that are appended in one commit.",
  }),
  maxWaiting: option(whole(1, 10_000_000), {
    default: 10_000,
    text: "Entries that may wait; more are refused.",
  }),
  statementTimeout: option(milliseconds(1), {
    default: 10_000,
    text: "Time after which the server ends a statement.",
  }),
  allowAsynchronousCommit: option(flag, {
    default: false,
    text:
      "Accepts a server with synchronous_commit = off, which loses confirmed events in a crash.",
  }),
});

/** `snapshots` of `eventSourced`. */
export const snapshotsTable = optionTable("snapshots", {
  every: option(whole(1, 1_000_000_000), {
    default: 100,
    text: "Events after which the state is saved.",
  }),
  keep: option(whole(1, 1_000), { default: 2, text: "Snapshots that are kept." }),
  deleteEvents: option(flag, {
    default: false,
    text: "Whether events before the oldest kept snapshot are deleted.",
  }),
});

const upcasts = code(
  "functions by version",
  (value) =>
    typeof value === "object" && value !== null && !Array.isArray(value) &&
    Object.entries(value).every(([version, upcast]) =>
      /^\d+$/.test(version) && typeof upcast === "function"
    ),
);

const validator = code(
  "a Standard Schema",
  (value) => typeof (value as Record<string, unknown> | null)?.["~standard"] === "object",
);

const schemaOptions = {
  state: option(validator, {
    defaultText: "none",
    text: "Validates states before they are stored, and when they are read.",
  }),
  version: option(whole(0, 1_000_000), {
    defaultText: "0",
    text: "Version of the events and states that this program writes.",
  }),
  upcastState: option(upcasts, {
    defaultText: "none",
    text: "By version: makes a state of that version into one of the next.",
  }),
  serializers: option(serializerList, {
    defaultText: "none",
    text: "How values of your classes are stored; of one name, the highest version writes.",
  }),
} as const;

/** `schema` of `eventSourced`. */
export const schemaTable = optionTable("schema of eventSourced", {
  ...schemaOptions,
  event: option(validator, {
    defaultText: "none",
    text: "Validates events before they are stored, and when they are read.",
  }),
  upcastEvent: option(upcasts, {
    defaultText: "none",
    text: "By version: makes an event of that version into one of the next.",
  }),
});

/** `schema` of `durableState`. */
export const stateSchemaTable = optionTable("schema of durableState", schemaOptions);

/** `outbox` of `eventSourced` and `durableState`. */
export const outboxTable = optionTable("outbox", {
  maxMessages: option(whole(1, 100_000), {
    default: 1_000,
    text: "Messages that may wait for delivery, the parked ones included.",
  }),
  minBackoff: option(milliseconds(1), {
    default: 1_000,
    text: "Pause before a message is sent again.",
  }),
  maxBackoff: option(milliseconds(1), {
    default: 60_000,
    text: "The longest pause: each is twice as long as the one before.",
  }),
  maxTries: option(countOrInfinity(1), {
    default: 100,
    text: "How often a message is sent before those to its receiver are parked.",
  }),
});

const definition = {
  id: option(text(1, 1_024), {
    defaultText: "of an entity: its type and id",
    text: "Under which the store keeps it; see persistenceId.",
  }),
  journal: option(journal, {
    defaultText: "that of the entity type, or of the node or system",
    text: "Where it is stored.",
  }),
  outbox: option(group(outboxTable), { text: "How the messages of `thenSend` are delivered." }),
  maxReminders: option(whole(0, 100_000), {
    default: 1_000,
    text: "Reminders that an actor may have at once.",
  }),
  initial: option(anything, { text: "The state before anything is stored." }),
  gate: option(choice("output", "command"), {
    default: "output",
    text: "What waits until events are durable: only what the actor says, or the next command too.",
  }),
} as const;

/** `eventSourced(...)`. */
export const eventSourcedTable = optionTable("eventSourced", {
  ...definition,
  onCommand: option(callback("a function of the context, the state and the command"), {
    required: true,
    text: "Decides what follows from a command.",
  }),
  onEvent: option(callback("a function of the state and the event"), {
    required: true,
    text: "Applies an event.",
  }),
  snapshots: option(group(snapshotsTable), {
    defaultText: "never",
    text: "When states are saved.",
  }),
  schema: option(group(schemaTable), { text: "Versions of what is stored." }),
});

/** `backoff` of `projection`. */
export const projectionBackoffTable = optionTable("backoff of projection", {
  min: option(milliseconds(1, maxDelay / 2), {
    default: 200,
    text: "Pause before the second attempt; doubles with each one that follows.",
  }),
  max: option(milliseconds(1, maxDelay / 2), {
    default: 30_000,
    text: "Longest pause before jitter; at least `min`.",
  }),
  jitter: option(number(0, 1), {
    default: 0.2,
    text: "Random part that is added to the pause, at most this fraction of it.",
  }),
});

const slice = option(whole(0, 1_023), { required: true, text: "A slice." });

/** `source.slices` of `projection`. */
export const slicesTable = optionTable("slices of projection", {
  from: { ...slice, text: "The first slice." },
  to: { ...slice, text: "The last slice, included; at least `from`." },
});

/** `source` of `projection`. */
export const projectionSourceTable = optionTable("source of projection", {
  kind: option(text(1, 255), {
    defaultText: "all kinds",
    text: "Only events of this kind of actors; see persistenceId.",
  }),
  tag: option(text(1, 1_024), { defaultText: "all events", text: "Only events with this tag." }),
  slices: option(group(slicesTable), {
    defaultText: "all",
    text: "Only events of ids in these of the 1,024 slices.",
  }),
});

/** `schema` of `projection`. */
export const projectionSchemaTable = optionTable("schema of projection", {
  version: schemaOptions.version,
  upcastEvent: schemaTable.options.upcastEvent,
  event: schemaTable.options.event,
  serializers: schemaOptions.serializers,
});

/** `projection(...)`. */
export const projectionTable = optionTable("projection", {
  name: option(
    text(1, 160, {
      name: "a text of 1 to 160 letters, digits, $, _ or -",
      test: (name) => /^[A-Za-z0-9$_-]+$/.test(name),
      example: "totals",
    }),
    { required: true, text: "Under which the store keeps up to which event it is." },
  ),
  journal: option(objectWith("a Journal, such as memoryJournal()", "readSlices"), {
    defaultText: "the journal of the node or system that starts it",
    text: "Where the events are.",
  }),
  source: option(group(projectionSourceTable), {
    defaultText: "all events",
    text: "Which events.",
  }),
  schema: option(group(projectionSchemaTable), { text: "Versions of what is stored." }),
  store: option(
    objectWith("a ProjectionStore, such as memoryProjectionStore()", "open", "save", "reset"),
    { required: true, text: "Keeps up to which event it is." },
  ),
  handle: option(callback("a function of the event and the transaction"), {
    text: "Handles an event. Either this or `handleBatch`.",
  }),
  handleBatch: option(callback("a function of the events and the transaction"), {
    text: "Handles events that were read together.",
  }),
  workers: option(whole(1, 1_024), { default: 8, text: "Workers that share the slices." }),
  role: option(label, {
    defaultText: "all nodes",
    text: "Only nodes with this role run workers.",
  }),
  batchSize: option(whole(1, 100_000), {
    default: 500,
    text: "Events that are read, handled and saved together.",
  }),
  pollInterval: option(milliseconds(1), {
    default: 1_000,
    text: "Time between two looks for events where the journal announces none.",
  }),
  retries: option(countOrInfinity(0), {
    default: Infinity,
    text: "How often a handler that fails gets the same event again.",
  }),
  afterRetries: option(choice("stop", "skip"), {
    default: "stop",
    text: "Whether the worker stops then, or goes on with the next event.",
  }),
  backoff: option(group(projectionBackoffTable), {
    text: "Pauses between attempts, and while a store cannot be reached.",
  }),
});

/** `status`, `pause`, `resume` and `rebuild` of a running projection. */
export const projectionControlTable = optionTable("control of a projection", {
  timeout: option(milliseconds(1), {
    default: 30_000,
    text: "Time that each worker has for its answer.",
  }),
});

/** `postgresProjectionStore(...)`. */
export const postgresProjectionStoreTable = optionTable("postgresProjectionStore", {
  connections: option(whole(1, 1_000), {
    default: 8,
    text: "Connections: so many workers of this process handle events at once.",
  }),
  statementTimeout: option(milliseconds(1), {
    default: 10_000,
    text: "Time after which the server ends a statement.",
  }),
});

/** `durableState(...)`. */
export const durableStateTable = optionTable("durableState", {
  ...definition,
  onMessage: option(callback("a function of the context, the state and the message"), {
    required: true,
    text: "Decides what follows from a message.",
  }),
  schema: option(group(stateSchemaTable), { text: "Versions of what is stored." }),
});
