import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type MembershipMessage,
  parseMembershipMessage,
} from "../../lib/membership/machine/messages.ts";

const member = {
  address: "a:1",
  nodeId: "a",
  incarnation: 3,
  status: "joining" as const,
  roles: ["web"],
  upNumber: 0,
  appVersion: "1.2.0",
  zone: "rack 7",
};
const evidence = { by: "b:1", why: "silent", observers: ["b:1", "c:1"] };
const clusterId = "a:1#3";
const digest = "0123456789abcdef";
const state = {
  members: [{
    member: { ...member, status: "down" as const, upNumber: 4, evidence },
    seen: { counter: 2, digest },
    reachability: { version: 7, unreachable: [{ address: "[::1]:25520", incarnation: 0 }] },
  }],
  tombstones: [{ address: "d:1", incarnation: 9, age: 12.5 }, {
    address: "e:1",
    incarnation: 9,
    age: 0,
    evidence,
  }],
};

const examples: readonly MembershipMessage[] = [
  { type: "join", member, clusterConfig: { "shards.counters": "20" } },
  { type: "joinRefused", code: "configConflict", reason: "shards", known: 0 },
  { type: "notReady", bootstraps: true, vote: false },
  { type: "welcome", clusterId, state },
  { type: "gossip", clusterId, incarnation: 3, state, reply: true },
  { type: "digest", clusterId, incarnation: 3, digest },
  {
    type: "gossip",
    clusterId,
    incarnation: 3,
    state,
    reply: false,
    requested: { salt: 7, addresses: new Uint8Array(8) },
  },
  {
    type: "summary",
    clusterId,
    incarnation: 3,
    digest,
    salt: 0xffff_ffff,
    entries: new Uint8Array(16),
  },
  { type: "heartbeat", clusterId, incarnation: 3 },
  { type: "heartbeatAck", incarnation: 3 },
  { type: "left", clusterId, incarnation: 3 },
  { type: "removed", clusterId, incarnation: 3 },
  { type: "removed", clusterId, incarnation: 3, evidence },
];

for (const message of examples) {
  Deno.test(`a message of type ${message.type} is parsed into an equal copy`, () => {
    const read = parseMembershipMessage({ ...message, added: "by a later version" });
    assertEquals(read, message);
    assert(read !== message);
  });
}

/** Every place in a value, as a path of keys. */
function paths(value: unknown): string[][] {
  if (typeof value !== "object" || value === null) return [[]];
  return Object.entries(value).flatMap(([key, item]) => [
    [key],
    ...paths(item).map((rest) => [key, ...rest]),
  ]);
}

function replaceAt(value: unknown, [key, ...rest]: readonly string[], put: unknown): unknown {
  if (key === undefined) return put;
  const copy = (Array.isArray(value) ? [...value] : { ...value as object }) as
    & Record<string, unknown>
    & unknown[];
  copy[key as never] = replaceAt(copy[key as never], rest, put) as never;
  return copy;
}

Deno.test("a wrong value in any place is rejected", () => {
  let tried = 0;
  for (const message of examples) {
    for (const path of paths(message)) {
      for (const bad of [null, NaN, -1, 2 ** 60, () => 0, Symbol("x"), [[]], { length: 1e9 }]) {
        const value = replaceAt(message, path, bad);
        if (path.at(-1) === "age" && bad === 2 ** 60) continue;
        if (path.at(-1) === "clusterConfig" && typeof bad === "object" && bad !== null) continue;
        tried++;
        assertEquals(parseMembershipMessage(value), undefined, `${message.type} ${path}`);
      }
    }
  }
  assert(tried > 500);
});

Deno.test("no value makes the parser throw", () => {
  const type = fc.constantFrom(...examples.map((message) => message.type));
  fc.assert(
    fc.property(
      fc.anything({ withBigInt: true, withDate: true, withMap: true }),
      type,
      (value, type) => {
        parseMembershipMessage(value);
        if (typeof value === "object" && value !== null) parseMembershipMessage({ ...value, type });
      },
    ),
    { numRuns: 2_000 },
  );
});

Deno.test("a mutated message is rejected or parsed as a whole message", () => {
  const mutation = fc.record({
    index: fc.nat(examples.length - 1),
    place: fc.nat(1_000),
    put: fc.oneof(fc.jsonValue(), fc.constantFrom(...examples), fc.integer(), fc.string()),
  });
  fc.assert(
    fc.property(mutation, ({ index, place, put }) => {
      const message = examples[index]!;
      const all = paths(message);
      const read = parseMembershipMessage(replaceAt(message, all[place % all.length]!, put));
      if (read !== undefined) assertEquals(parseMembershipMessage(read), read);
    }),
    { numRuns: 2_000 },
  );
});

const many = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ address: `n${i}:1`, incarnation: 1, age: 0 }));

for (
  const [what, value] of [
    ["too many tombstones", { ...examples[4], state: { members: [], tombstones: many(10_001) } }],
    ["one address twice", {
      ...examples[4],
      state: { members: state.members, tombstones: [{ address: "a:1", incarnation: 1, age: 0 }] },
    }],
    [
      "a member that is removed",
      replaceAt(examples[3], ["state", "members", "0", "member", "status"], "removed"),
    ],
    ["a status from the prototype", replaceAt(examples[0], ["member", "status"], "toString")],
    ["an address without port", replaceAt(examples[0], ["member", "address"], "a")],
    ["a long address", replaceAt(examples[0], ["member", "address"], `${"a".repeat(300)}:1`)],
    ["an empty label", replaceAt(examples[0], ["member", "nodeId"], "")],
    ["too many roles", replaceAt(examples[0], ["member", "roles"], Array(65).fill("r"))],
    ["a join of an up member", replaceAt(examples[0], ["member", "status"], "up")],
    ["a long configuration", {
      ...examples[0],
      clusterConfig: Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`k${i}`, "v"])),
    }],
    ["a number in the configuration", { ...examples[0], clusterConfig: { k: 1 } }],
    ["a digest in upper case", { ...examples[5], digest: "0123456789ABCDEF" }],
    ["an unknown refusal", { ...examples[1], code: "mood" }],
    ["a long reason", { ...examples[1], reason: "x".repeat(1_001) }],
    ["an endless age", replaceAt(examples[4], ["state", "tombstones", "0", "age"], Infinity)],
    ["an unknown type", { type: "__proto__" }],
    ["a list", [examples[6]]],
    ["nothing", undefined],
  ] as const
) {
  Deno.test(`a message with ${what} is rejected`, () => {
    assertEquals(parseMembershipMessage(value), undefined);
  });
}

Deno.test("a key of the configuration cannot reach a prototype", () => {
  const clusterConfig = JSON.parse('{"__proto__": "x"}');
  const read = parseMembershipMessage({ type: "join", member, clusterConfig });
  assert(read?.type === "join");
  assertEquals(Object.getPrototypeOf(read.clusterConfig), Object.prototype);
  assertEquals(Object.keys(read.clusterConfig), ["__proto__"]);
});

Deno.test("indirect probes, their answers and stall ports are parsed; malformed ones are rejected", () => {
  const sender = { clusterId: "a:1#1", incarnation: 3 };
  const probe = { type: "indirectProbe", ...sender, target: "b:1", sequence: 4 } as const;
  const answer = { ...probe, type: "indirectAnswer", alive: true } as const;
  const ack = { type: "heartbeatAck", incarnation: 3, stallPort: 25_521 } as const;
  for (const message of [probe, answer, ack]) {
    assertEquals(parseMembershipMessage(message), message);
  }
  for (
    const nonsense of [
      { ...probe, target: "nowhere" },
      { ...probe, sequence: -1 },
      { ...probe, clusterId: "" },
      { ...answer, alive: "yes" },
      { ...ack, stallPort: 0 },
      { ...ack, stallPort: 65_536 },
      { ...ack, stallPort: "1" },
    ]
  ) assertEquals(parseMembershipMessage(nonsense), undefined);
});
