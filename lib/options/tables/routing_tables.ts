import { callback, code, group, milliseconds, option, optionTable, whole } from "../option.ts";
import { spawnTable } from "./actor_tables.ts";
import { isObject } from "./forms.ts";

const strategy = code(
  "roundRobin(), random() or consistentHash(...), called",
  (value) =>
    isObject(value) && (value.kind === "roundRobin" || value.kind === "random" ||
      (value.kind === "consistentHash" && typeof value.key === "function")),
);

/** The type of the size of a pool. */
export const poolSize = whole(1, 10_000);

/** `Routers.pool(...)`. */
export const poolTable = optionTable("Routers.pool", {
  strategy: option(strategy, { defaultText: "`roundRobin()`", text: "How a routee is chosen." }),
  broadcast: option(callback("a function of the message"), {
    defaultText: "none",
    text: "Messages for which it returns true go to all routees.",
  }),
  routeeOptions: option(group(spawnTable), {
    defaultText: "none",
    text: "How each routee is spawned.",
  }),
});

/** `Routers.group(...)`. */
export const groupTable = optionTable("Routers.group", {
  strategy: option(strategy, { defaultText: "`roundRobin()`", text: "How a routee is chosen." }),
  bufferSize: option(whole(0, 1_000_000), {
    default: 1_000,
    text: "Messages that wait while no actor offers the service.",
  }),
  bufferTime: option(milliseconds(0), {
    default: 1_000,
    text: "How long a message waits when all actors of the service have gone.",
  }),
});

/** The defaults of a group router. */
export const groupDefaults = groupTable.defaults;
