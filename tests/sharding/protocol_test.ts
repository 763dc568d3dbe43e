import { assertEquals } from "@std/assert";
import {
  type CoordinationMessage,
  parseCoordinationMessage,
} from "../../lib/sharding/coordinator/coordination_protocol.ts";
import {
  type EntityDelivery,
  type FlushMarker,
  maxKnownTypes,
  parseEntityDelivery,
  parseFlushMarker,
  type UnknownTypeMessage,
} from "../../lib/sharding/routing/protocol.ts";

const about = { shardType: "counters", shard: 3, epoch: 7 };
const term = [2, "a:1"] as const;
const stamp = [1, 9] as const;
const region = {
  shardType: "counters",
  numShards: 20,
  shards: [[3, 7, 0], [4, 8, 1]] as const,
  lastEpoch: 8,
};

const holder = { address: "b:1", incarnation: 4 };
const config = { version: [term, 3] as const, voters: [holder], previous: [holder], excluded: [] };
const holders = [{ holder, age: 12 }];

const messages: readonly CoordinationMessage[] = [
  { type: "requestReport", term },
  { type: "outdatedTerm", term },
  { type: "shardReport", term, stamp, retiring: true, regions: [region], config, holders },
  { type: "adoptLeases", config, holders },
  { type: "leasesAdopted", incarnation: 4, version: config.version, holders },
  { type: "admitHolder", term, config },
  { type: "locate", shardType: "counters", numShards: 20, shard: 3 },
  { type: "startShard", term, config: 3, incarnation: 1, ...about },
  { type: "started", stamp, ...about },
  { type: "handOff", term, ...about },
  { type: "stopped", stamp, ...about },
  { type: "drained", ...about },
  {
    type: "shardTableDelta",
    shardType: "counters",
    owners: ["a:1"],
    incarnations: [5],
    shards: [[3, 0, 7]],
  },
  { type: "location", ...about, owner: "a:1", incarnation: 5 },
  { type: "returned", ...about, owner: "a:1", incarnation: 5, entityId: "x", message: { n: 1 } },
  { type: "refused", shardType: "counters", reason: "no" },
  { type: "unknownType", shardType: "counters", numShards: 20, known: ["carts"] },
];

Deno.test("a grant may name the one before", () => {
  const start = { type: "startShard", term, config: 3, incarnation: 1, ...about } as const;
  assertEquals(parseCoordinationMessage({ ...start, previous: 6 }), { ...start, previous: 6 });
  for (const previous of [-1, 1.5, "6", null]) {
    assertEquals(parseCoordinationMessage({ ...start, previous }), undefined);
  }
});

Deno.test("a refusal may name the number of shards that there is", () => {
  const refused = { type: "refused", shardType: "counters", numShards: 10, reason: "no" } as const;
  assertEquals(parseCoordinationMessage({ ...refused, actual: 20 }), { ...refused, actual: 20 });
  for (const actual of [0, -1, 1.5, "20", 1e9]) {
    assertEquals(parseCoordinationMessage({ ...refused, actual }), refused);
  }
});

Deno.test("of the types that an answer names, the first few count that can be names", () => {
  const known = ["", 7, "a", ...Array.from({ length: 50 }, (_, n) => `b${n}`)];
  const answer = { type: "unknownType", shardType: "counters", numShards: 20, known };
  const parsed = parseCoordinationMessage(answer) as UnknownTypeMessage;
  assertEquals(parsed.known, [
    "a",
    ...Array.from({ length: maxKnownTypes - 3 }, (_, n) => `b${n}`),
  ]);
});

for (const message of messages) {
  Deno.test(`a complete ${message.type} is parsed, and an incomplete one is not`, () => {
    assertEquals(parseCoordinationMessage({ ...message }), message);
    for (const key of Object.keys(message)) {
      // A node without a configuration reports none.
      if (key === "message" || (message.type === "shardReport" && key === "config")) continue;
      const { [key]: _left, ...rest } = message as unknown as Record<string, unknown>;
      assertEquals(parseCoordinationMessage(rest), undefined, `without ${key}`);
    }
  });
}

Deno.test("a flush marker is parsed on its first leg and on later ones", () => {
  const first: FlushMarker = [3, 7, "b:1", "", 0];
  const later: FlushMarker = [3, 7, "b:1", "a:1", 6];
  for (const mark of [first, later]) {
    assertEquals(parseFlushMarker([...mark]), mark);
    for (let index = 0; index < mark.length; index++) {
      const wrong: unknown[] = [...mark];
      wrong[index] = null;
      assertEquals(parseFlushMarker(wrong), undefined, `${index} is null`);
    }
    assertEquals(parseFlushMarker(mark.slice(0, 4)), undefined);
    assertEquals(parseEntityDelivery([...mark]), undefined);
  }
});

Deno.test("an entity delivery is parsed, and is not a flush marker", () => {
  const delivery: EntityDelivery = ["x", { n: 1 }, 7];
  assertEquals(parseEntityDelivery([...delivery]), delivery);
  assertEquals(parseFlushMarker([...delivery]), undefined);
  assertEquals(parseEntityDelivery(["", 1, 7]), undefined);
  assertEquals(parseEntityDelivery(["x", 1, -1]), undefined);
});
