import { maxDelay } from "../../runtime/clock.ts";
import {
  anything,
  callback,
  choice,
  countOrInfinity,
  either,
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
import { persistenceTable } from "./persistence_tables.ts";
import { addressText, clock, label, reference, runtime, signal } from "./forms.ts";

/** The type of the delay of a timer. */
export const timerDelay = milliseconds(0);
/** The type of intervals and of times without a message. */
export const timerInterval = milliseconds(1);

/** `new ActorSystem(...)`; most of it is an option of a node, too. */
export const actorSystemTable = optionTable("ActorSystem", {
  name: option(label, { default: "casty-system", text: "Name of the system." }),
  runtime: option(runtime, {
    defaultText: "the machine's; log lines of `warn` and above",
    text: "Replaces clock, random source or logger.",
  }),
  persistence: option(group(persistenceTable), {
    defaultText: "where each of them says",
    text: "Where durable actors are stored, and how they recover.",
  }),
  maxPendingAsks: option(countOrInfinity(1), {
    default: 100_000,
    text: "Asks that may wait for a reply at once.",
  }),
  stopTimeout: option(milliseconds(0), {
    default: 10_000,
    text: "Time that a stopping actor has for the running handler, and again for its last signal.",
  }),
  stopOnSignals: option(either(flag, objectWith("StopSignals", "listen", "exit")), {
    default: false,
    text: "Whether SIGTERM and SIGINT shut the system down and end the process.",
  }),
  shutdownBudget: option(milliseconds(0), {
    default: 25_000,
    text: "Time for a whole shutdown.",
  }),
  phaseTimeout: option(milliseconds(0), {
    default: 5_000,
    text: "Time for one task of a shutdown.",
  }),
  maxShutdownTasks: option(countOrInfinity(1), {
    default: 10_000,
    text: "Tasks that `onShutdown` may add.",
  }),
  maxScheduled: option(countOrInfinity(1), {
    default: 100_000,
    text: "Keys that the scheduler may hold at once.",
  }),
  maxTasks: option(countOrInfinity(1), {
    default: 10_000,
    text: "Background tasks that may run at once.",
  }),
  slowHandler: option(
    number(0, undefined, { above: true, infinity: true, unit: "milliseconds" }),
    {
      default: 100,
      text:
        "Time for which a handler may keep the event loop busy before it is reported. `Infinity`: any.",
    },
  ),
  checkMessages: option(flag, {
    default: false,
    text:
      "For development: freezes every message, and logs messages that are not plain data. Slow.",
  }),
  suppressDeadLettersOnShutdown: option(flag, {
    default: false,
    text: "Whether messages that are lost while actors stop are only counted.",
  }),
}, { section: "system" });

/** The defaults of an actor system. */
export const actorSystemDefaults = actorSystemTable.defaults;

/** The most messages that a mailbox can be bounded to: positions are compared by half a circle. */
export const maxMailboxCapacity = 0x1fff_ffff;

/** Bounds of one mailbox. */
export const mailboxTable = optionTable("mailbox", {
  capacity: option(whole(1, maxMailboxCapacity), {
    defaultText: "no limit",
    text: "Messages that may wait, the stash included.",
  }),
  maxBytes: option(number(1, undefined, { whole: true, unit: "bytes" }), {
    defaultText: "no limit",
    text: "Size of the waiting messages together, by `sizeOf`; the stash may hold as much again.",
  }),
  sizeOf: option(callback("a function of the message"), {
    defaultText: "an estimate of plain data, see `estimateSize`",
    text: "Size of a message in bytes.",
  }),
  overflow: option(choice("dropNew", "dropOldest", "reject"), {
    default: "dropNew",
    text: "Which message is dropped when the mailbox is full.",
  }),
}, { section: "mailbox" });

/** The defaults of a mailbox. */
export const mailboxDefaults = mailboxTable.defaults;

/** `spawn(...)`. */
export const spawnTable = optionTable("spawn", {
  mailbox: option(group(mailboxTable), {
    defaultText: "unbounded",
    text: "Bounds the mailbox. Signals and timers are never dropped.",
  }),
  stashCapacity: option(whole(1), {
    default: 1_000,
    text: "Messages that the stash of the actor may hold.",
  }),
}, { section: "spawn" });

/** The defaults of `spawn`. */
export const spawnDefaults = spawnTable.defaults;

/** The pauses before restarts. */
export const backoffTable = optionTable("backoff of Behaviors.supervise", {
  min: option(milliseconds(1, maxDelay / 2), {
    required: true,
    text: "Pause before the first restart; doubles with each restart that follows.",
  }),
  max: option(milliseconds(1, maxDelay / 2), {
    required: true,
    text: "Longest pause before jitter; at least `min`.",
  }),
  jitter: option(number(0, 1), {
    default: 0.2,
    text: "Random part that is added to the pause, at most this fraction of it.",
  }),
  resetAfter: option(
    number(0, undefined, { above: true, infinity: true, unit: "milliseconds" }),
    {
      defaultText: "`max`",
      text: "Time without a failure after which the pause is `min` again.",
    },
  ),
});

/** The defaults of a back-off. */
export const backoffDefaults = backoffTable.defaults;

/** `Behaviors.supervise(...)`. */
export const supervisionTable = optionTable("Behaviors.supervise", {
  decider: option(callback("a function of the error"), {
    defaultText: "always `directive`",
    text: "Decides by the error what happens to the actor.",
  }),
  directive: option(choice("restart", "resume", "stop", "escalate"), {
    default: "restart",
    text: "What happens to the actor after any error, where there is no `decider`.",
  }),
  maxRestarts: option(number(0, 1_000_000, { whole: true, infinity: true }), {
    default: 3,
    text: "Restarts within `within`; one more stops the actor. `Infinity` needs a `backoff`.",
  }),
  within: option(number(0, undefined, { above: true, infinity: true, unit: "milliseconds" }), {
    default: 60_000,
    text: "Time in which restarts are counted.",
  }),
  backoff: option(group(backoffTable), {
    defaultText: "none",
    text: "Pauses before restarts.",
  }),
}, { section: "supervision" });

/** The defaults of supervision. */
export const supervisionDefaults = supervisionTable.defaults;

/** `Behaviors.spy(...)`. */
export const spyTable = optionTable("Behaviors.spy", {
  spyChildren: option(flag, { default: false, text: "Whether children are observed as well." }),
});

/** `ask(...)` of a system or actor. */
export const askTable = optionTable("ask", {
  timeout: option(milliseconds(0), { default: 5_000, text: "Time until the ask fails." }),
  signal: option(signal, { defaultText: "none", text: "Gives up when it is aborted." }),
}, {
  advice: (given) => typeof given === "number" ? `use { timeout: ${given} }` : undefined,
});

/** The defaults of an ask. */
export const askDefaults = askTable.defaults;

/** `scheduler.tick(...)`. */
export const tickTable = optionTable("scheduler.tick", {
  target: option(reference, { required: true, text: "The actor that gets the messages." }),
  message: option(anything, { text: "The message that is sent each time." }),
  interval: option(timerInterval, { required: true, text: "Time from one message to the next." }),
  initialDelay: option(timerDelay, {
    defaultText: "`interval`",
    text: "Time until the first message.",
  }),
});

/** `scheduler.once(...)`. */
export const onceTable = optionTable("scheduler.once", {
  target: option(reference, { required: true, text: "The actor that gets the message." }),
  message: option(anything, { text: "The message." }),
  delay: option(timerDelay, { required: true, text: "Time until it is sent." }),
});

/** `tasks.run(...)`. */
export const taskTable = optionTable("tasks.run", {
  key: option(text(0, 1_000_000), {
    defaultText: '`"task-<number>"`',
    text: "Names the task in results and log lines; need not be unique.",
  }),
  replyTo: option(reference, { defaultText: "none", text: "Gets the result of the task, once." }),
});

/** `onShutdown(...)`. */
export const shutdownTaskTable = optionTable("onShutdown", {
  timeout: option(milliseconds(0), {
    defaultText: "`phaseTimeout`",
    text: "Time for this task.",
  }),
});

/** `new CircuitBreaker(...)`. */
export const circuitBreakerTable = optionTable("CircuitBreaker", {
  maxFailures: option(countOrInfinity(1), {
    default: 10,
    text: "Failures in a row after which it opens.",
  }),
  callTimeout: option(milliseconds(1), {
    default: 10_000,
    text: "Time after which a call counts as failed.",
  }),
  resetTimeout: option(milliseconds(1), {
    default: 15_000,
    text: "Time that it stays open.",
  }),
  onChange: option(callback("a function of the new state"), {
    defaultText: "none",
    text: "Called at each change. What it throws is ignored.",
  }),
  clock: option(clock, { defaultText: "the machine's", text: "Source of time." }),
});

/** The defaults of a circuit breaker. */
export const circuitBreakerDefaults = circuitBreakerTable.defaults;

/** Options of `lookup`. */
export const lookupTable = optionTable("lookup", {
  node: option(addressText, {
    defaultText: "none",
    text: 'Address of the node, `"host:port"`. This or `nodeId` is given.',
  }),
  nodeId: option(label, { defaultText: "none", text: "Label of the node." }),
});

/** Options of `receptionist.register`. */
export const registerTable = optionTable("receptionist.register", {
  clients: option(callback("a function of the client"), {
    defaultText: "all clients",
    text: "Which clients may send to the actor.",
  }),
});
