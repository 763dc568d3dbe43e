import { assert, assertEquals } from "@std/assert";
import {
  doubleOwnerships,
  type EntityEvent,
  parseEntityLog,
} from "../../scripts/net/entity_log.ts";

type Moment = readonly [at: number, what: EntityEvent["what"], node: string, epoch?: number];

/** A log of one entity; the instance is named after its node. */
const log = (...moments: Moment[]): EntityEvent[] =>
  moments.map(([at, what, node, epoch]) => ({
    at,
    node,
    instance: `${node}.1`,
    id: "x",
    what,
    ...(epoch !== undefined && { epoch }),
  }));

Deno.test("an older owner that runs a handler after the start of a newer one is found", () => {
  const events = log(
    [0, "start", "a"],
    [10, "run", "a"],
    [100, "start", "b"],
    [150, "run", "a"],
    [160, "run", "b"],
    [190, "run", "a"],
    [200, "stop", "a"],
  );
  // The logs of nodes come one after the other.
  const byNode = events.toSorted((one, other) => one.node.localeCompare(other.node));
  assertEquals(doubleOwnerships(byNode), [
    { id: "x", older: "a", newer: "b", runs: 2, span: 90 },
  ]);
});

Deno.test("an older owner that only stops late has run nothing twice", () => {
  const events = log(
    [0, "start", "a"],
    [99, "run", "a"],
    [100, "start", "b"],
    [101, "run", "a"],
    [110, "run", "b"],
    [500, "stop", "a"],
  );
  // One millisecond is within the accuracy of the clock.
  assertEquals(doubleOwnerships(events), []);
});

Deno.test("the epoch says which owner is older, where both are known", () => {
  const events = log(
    [0, "start", "a", 7],
    [50, "start", "b", 4],
    [60, "run", "b", 4],
    [70, "run", "a", 7],
  );
  assertEquals(doubleOwnerships(events), [
    { id: "x", older: "b", newer: "a", runs: 1, span: 60 },
  ]);
  const [unknown] = doubleOwnerships(events.map(({ epoch: _, ...event }) => event));
  assertEquals(unknown?.older, "a");
});

Deno.test("an instance whose grant was renewed is no older owner", () => {
  // It was suspended, and the shard was granted to it anew: then the one between is the older.
  const events = log(
    [0, "start", "a", 4],
    [50, "start", "b", 5],
    [60, "stop", "b"],
    [70, "run", "a", 6],
  );
  assertEquals(doubleOwnerships(events), []);
  const late = [...events, ...log([90, "run", "b", 5])];
  assertEquals(doubleOwnerships(late), [
    { id: "x", older: "b", newer: "a", runs: 1, span: 20 },
  ]);
});

Deno.test("different entities and later instances on one node are no double ownership", () => {
  const other = log([0, "start", "a"], [200, "run", "a"]).map((event) => ({
    ...event,
    id: "y",
    instance: "a.2",
  }));
  const events = log([0, "start", "a"], [10, "run", "a"], [20, "stop", "a"], [30, "start", "b"]);
  assertEquals(doubleOwnerships([...events, ...other]), []);
});

Deno.test("two instances in one process are found too", () => {
  const events: EntityEvent[] = [
    { at: 0, node: "a", instance: "a.1", id: "x", what: "start" },
    { at: 10, node: "a", instance: "a.2", id: "x", what: "start" },
    { at: 20, node: "a", instance: "a.1", id: "x", what: "run" },
  ];
  assertEquals(doubleOwnerships(events).length, 1);
});

Deno.test("the last line of a killed process may be cut off", () => {
  const lines = log([0, "start", "a"], [1, "run", "a"]).map((event) => JSON.stringify(event));
  assertEquals(parseEntityLog(`${lines.join("\n")}\n{"at":2,"no`).length, 2);
  assertEquals(parseEntityLog(`${lines.join("\n")}\n`).length, 2);
  assertEquals(parseEntityLog('{"at'), []);
  assert(parseEntityLog("").length === 0);
});
