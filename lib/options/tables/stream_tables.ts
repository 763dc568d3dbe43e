import { maxDelay } from "../../runtime/clock.ts";
import { callback, choice, number, option, optionTable, whole } from "../option.ts";

const count = whole(1, 1_000_000);
const time = number(1, maxDelay, { whole: true, unit: "milliseconds" });
const probeInterval = option(time, {
  default: 5_000,
  text: "Silence after which it is asked whether elements were lost on the way.",
});

/** `streamProducer(...)`. */
export const streamProducerTable = optionTable("streamProducer", {
  bufferSize: option(count, {
    default: 256,
    text: "Elements that may wait for the consumer, those that sinks may send included.",
  }),
  maxSinks: option(count, { default: 1_024, text: "Sinks that may be connected at once." }),
  onSinkLost: option(choice("fail", "ignore"), {
    default: "fail",
    text: "Whether the stream fails when a sink is lost.",
  }),
});

/** The defaults of a producer. */
export const streamProducerDefaults = streamProducerTable.defaults;

/** `streamConsumer(...)`. */
export const streamConsumerTable = optionTable("streamConsumer", {
  onElement: option(callback("a function of the context and the element"), {
    required: true,
    text: "Handles one element.",
  }),
  onEnd: option(callback("a function of the context and the error"), {
    text: "Called once after the last element.",
  }),
  demand: option(count, {
    default: 16,
    text: "Elements that may be on their way or in the mailbox at once.",
  }),
});

/** The defaults of a consumer. */
export const streamConsumerDefaults = streamConsumerTable.defaults;

/** `streamSource(...)`. */
export const streamSourceTable = optionTable("streamSource", {
  demand: option(count, {
    default: 16,
    text: "Elements that may be on their way or wait in the source at once.",
  }),
  idleTimeout: option(time, {
    defaultText: "it waits for ever",
    text: "Time without an element after which a read fails.",
  }),
  probeInterval,
});

/** The defaults of a source. */
export const streamSourceDefaults = streamSourceTable.defaults;

/** `streamSink(...)`. */
export const streamSinkTable = optionTable("streamSink", {
  maxPending: option(count, { default: 1_024, text: "Puts that may wait for room at once." }),
  probeInterval,
});

/** The defaults of a sink. */
export const streamSinkDefaults = streamSinkTable.defaults;
