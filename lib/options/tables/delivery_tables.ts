import { maxDelay } from "../../runtime/clock.ts";
import {
  bytes,
  callback,
  code,
  number,
  objectWith,
  option,
  optionTable,
  text,
  whole,
} from "../option.ts";
import { label } from "./forms.ts";

const count = whole(1, 1_000_000);
const time = number(1, maxDelay, { whole: true, unit: "milliseconds" });
const keyed = code(
  "a reference of an actor or a service key",
  (value) => typeof value === "object" && value !== null && ("tell" in value || "id" in value),
);
const service = code("a service key", (value) =>
  typeof value === "object" && value !== null &&
  typeof (value as { id?: unknown }).id === "string");

/** `producerController(...)`. */
export const producerControllerTable = optionTable("producerController", {
  consumer: option(keyed, {
    text: "The only consumer, or a service key: the first that offers it, until it ends.",
  }),
  workers: option(service, {
    text: "Service key of the workers among which jobs are distributed.",
  }),
  entities: option(objectWith("the reference of a sharded type", "entity"), {
    text: "Sharded entities, each of which gets its messages in order.",
  }),
  bufferSize: option(count, {
    default: 1_000,
    text: "Messages that are not confirmed.",
  }),
  maxWaiting: option(whole(0, 1_000_000), {
    default: 1_000,
    text: "Messages with `acceptedTo` that wait for a place in the buffer.",
  }),
  minBackoff: option(time, {
    default: 1_000,
    text: "Time without an answer after which the consumer is asked how far it is.",
  }),
  maxBackoff: option(time, {
    default: 30_000,
    text: "Longest time between two such requests to a consumer that does not answer.",
  }),
  maxAttempts: option(whole(1, 1_000), {
    defaultText: "no limit",
    text: "How often handlers may fail on a message before it is parked, and the next one goes on.",
  }),
  chunkSize: option(bytes(1_024, 16_777_216), {
    defaultText: "whole messages",
    text: "Size of the parts in which larger messages are sent.",
  }),
});

/** The defaults of a producer controller. */
export const producerControllerDefaults = producerControllerTable.defaults;

/** `consumerController(...)`. */
export const consumerControllerTable = optionTable("consumerController", {
  onMessage: option(callback("a function of the context, the message and the delivery"), {
    required: true,
    text:
      "Handles one message, which is confirmed when it has returned or its promise is fulfilled.",
  }),
  window: option(count, {
    default: 50,
    text: "Messages of one producer that may be on their way or in the mailbox at once.",
  }),
  maxStreams: option(count, {
    default: 1_024,
    text: "Producers whose progress is kept; the one that was silent longest is forgotten first.",
  }),
  maxMessage: option(bytes(1_024, 1_073_741_824), {
    default: 16_777_216,
    text: "Largest message that is put together of parts; a larger one is a dead letter.",
  }),
});

/** The defaults of a consumer controller. */
export const consumerControllerDefaults = consumerControllerTable.defaults;

/** `rateLimiters(...)`. */
export const rateLimitersTable = optionTable("rateLimiters", {
  role: option(label, {
    defaultText: "all nodes that spawn them",
    text: "Only nodes with this role run limiters.",
  }),
  clients: option(callback("a function of the client"), {
    defaultText: "all clients",
    text: "Which clients may use limits.",
  }),
});

/** `rateLimit(...)`. */
export const rateLimitTable = optionTable("rateLimit", {
  key: option(text(1, 512), {
    required: true,
    text: "Names what is limited, in the whole cluster.",
  }),
  perSecond: option(number(0.01, 100_000), {
    defaultText: "no limit",
    text: "Starts in any second; below 1: one in `1 / perSecond` seconds.",
  }),
  concurrency: option(whole(1, 10_000), {
    defaultText: "no limit",
    text: "How much of the work may run at once.",
  }),
  wait: option(number(0, maxDelay, { unit: "milliseconds" }), {
    default: 0,
    text: "Time that work waits for its turn before it is refused.",
  }),
});
