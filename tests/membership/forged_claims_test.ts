/**
 * What a bad member claims of others: counters, labels, statuses. Whatever it says, the others agree
 * again, and nodes join and leave, once it is gone.
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { isFull } from "../../lib/membership/downing/downing.ts";
import { parseMembershipMessage } from "../../lib/membership/machine/messages.ts";
import { contentDigest } from "../../lib/membership/state/digest.ts";
import { type MemberRecord, newRecord } from "../../lib/membership/state/gossip_state.ts";
import type { Member, MemberStatus } from "../../lib/membership/state/member.ts";
import { allUp, formed, within } from "./formed_cluster.ts";
import type { SimulatedMember, SimulatedMembers } from "./simulated_members.ts";

const highest = Number.MAX_SAFE_INTEGER;

/** Sends what the bad member makes up, if it is a message at all. */
function tell(
  world: SimulatedMembers,
  bad: SimulatedMember,
  victim: SimulatedMember,
  value: unknown,
): void {
  const message = parseMembershipMessage(structuredClone(value));
  if (message !== undefined && victim.alive) {
    world.step(victim, { type: "received", from: bad.address, message });
  }
}

function gossip(
  { view: { clusterId, self: { incarnation } } }: SimulatedMember,
  members: readonly unknown[],
  tombstones: readonly unknown[] = [],
) {
  return { type: "gossip", clusterId, incarnation, state: { members, tombstones }, reply: false };
}

Deno.test("a member has the last word on its roles, version, zone, name and age", () => {
  const lies: [string, (nodes: SimulatedMember[]) => Member][] = [
    ["roles", (nodes) => ({ ...nodes[1]!.view.self, roles: ["\uffff-hijacked"] })],
    ["version", (nodes) => ({ ...nodes[1]!.view.self, appVersion: "\uffff", zone: "\uffff" })],
    ["name", (nodes) => ({ ...nodes[1]!.view.self, nodeId: "\uffff" })],
    ["age", (nodes) => ({ ...nodes[3]!.view.self, upNumber: 1 })],
  ];
  for (const [what, lie] of lies) {
    const { world, nodes } = formed(3, 5);
    const [a, b, c, bad] = nodes as [
      SimulatedMember,
      SimulatedMember,
      SimulatedMember,
      SimulatedMember,
    ];
    const leader = a.view.leader;
    const { self } = b.view;
    for (const victim of [a, b, c]) tell(world, bad, victim, gossip(bad, [newRecord(lie(nodes))]));
    world.run(30_000);
    for (const { view } of [a, b, c]) {
      assertEquals(view.members.find(({ address }) => address === b.address), self, what);
      assertEquals(view.leader, leader, what);
    }
    assert(allUp(nodes), what);
  }
});

Deno.test("a lie about the labels of a new member is corrected by the member itself", () => {
  const { world, nodes } = formed(4, 4);
  const bad = nodes[3]!;
  const late = world.start("late", ["n0"], {
    self: { ...selfOf("late:1", world.now), roles: ["a"] },
  });
  const { self } = late.view;
  for (const victim of nodes.slice(1, 3)) {
    tell(world, bad, victim, gossip(bad, [newRecord({ ...self, roles: ["\uffff"] })]));
  }
  within(world, "joining", 20_000, () => allUp([...nodes, late]));
  world.run(10_000);
  for (const { view } of nodes) {
    assertEquals(view.members.find(({ address }) => address === late.address)?.roles, ["a"]);
  }
});

Deno.test("a member that others call leaving stays", () => {
  for (const toAll of [true, false]) {
    const { world, nodes } = formed(5, 5);
    const [a, b, c, bad, worse] = nodes as [
      SimulatedMember,
      SimulatedMember,
      SimulatedMember,
      SimulatedMember,
      SimulatedMember,
    ];
    const lie = newRecord({ ...b.view.self, status: "leaving" });
    // One that says so alone is not believed.
    for (const liar of [bad, worse]) {
      for (const victim of toAll ? [a, b, c] : [a]) tell(world, liar, victim, gossip(liar, [lie]));
    }
    world.run(10_000);
    assert(allUp(nodes) && b.alive, `${toAll}`);
    assertEquals(b.log.filter((line) => line.includes("refuted")).length, 1);
    const returned = a.events.filter((event) =>
      "member" in event && event.member.address === b.address
    )
      .at(-1);
    assertEquals(returned?.type, "memberUp", "who has heard that it leaves hears that it stays");
    // It leaves when it decides to.
    world.step(b, { type: "leave" });
    within(world, "leaving", 10_000, () => b.left && allUp(nodes.filter((node) => node !== b)));
  }
});

/** What says that a member has ended, each by itself. */
const endings: [string, (victim: SimulatedMember, bad: SimulatedMember) => unknown][] = [
  [
    "exiting",
    ({ view: { self } }, bad) => gossip(bad, [newRecord({ ...self, status: "exiting" })]),
  ],
  ["down", ({ view: { self } }, bad) => gossip(bad, [newRecord({ ...self, status: "down" })])],
  [
    "later",
    ({ view: { self } }, bad) =>
      gossip(bad, [newRecord({ ...self, incarnation: self.incarnation + 1 })]),
  ],
  [
    "tombstone",
    ({ address, view: { self } }, bad) =>
      gossip(bad, [], [{ address, incarnation: self.incarnation, age: 0 }]),
  ],
  ["removed", ({ view: { self } }, bad) => ({
    type: "removed",
    clusterId: bad.view.clusterId,
    incarnation: self.incarnation,
  })],
];

Deno.test("no member ends because one other says so, in any way and any order", () => {
  for (const count of [3, 5]) {
    const { world, nodes } = formed(6, count);
    // The oldest, which leads, is no exception; nor is it as a victim.
    for (const [bad, victim] of [[nodes[0]!, nodes[1]!], [nodes[2]!, nodes[0]!]] as const) {
      const others = nodes.filter((node) => node !== bad);
      for (const claims of [endings, endings.toReversed(), endings]) {
        for (const [what, claim] of claims) {
          const told = what === "removed" ? [victim] : others;
          for (const node of told) tell(world, bad, node, claim(victim, bad));
        }
        world.run(4_000);
      }
      world.run(20_000);
      assert(allUp(nodes), describe(nodes));
      for (const node of nodes) assert(node.alive && node.downed === undefined);
      const [doubter] = others.filter((node) => node !== victim);
      const lines = (doubter ?? victim).log.filter((line) =>
        line.includes("no other member says") && line.includes(`"peer":"${bad.address}"`)
      );
      assertEquals(lines.length, 1, "it is named");
    }
  }
});

Deno.test("a node that others have removed goes through whenDowned, with a log line", () => {
  for (const [what, claim] of endings) {
    const { world, nodes } = formed(6, 5);
    const [victim, bad, worse] = [nodes[1]!, nodes[3]!, nodes[4]!];
    const others = nodes.filter((node) => node !== victim);
    // Two that say the same are believed. `removed` is about its receiver.
    const told = what === "removed" ? [victim] : nodes;
    for (const node of told) {
      for (const liar of [bad, worse]) {
        if (node !== liar) tell(world, liar, node, claim(victim, liar));
      }
    }
    world.run(20_000);
    assert(!victim.left, `${what}: it has not decided to leave`);
    if (victim.downed === undefined) assert(allUp(nodes), `${what}: refuted`);
    else {
      assert(victim.log.some((line) => line.includes("this node was declared down")), what);
      within(world, `${what}: the others`, 60_000, () => allUp(others));
      const again = world.start(victim.address, ["n0"], {
        self: selfOf(victim.address, victim.view.self.incarnation + 1),
        bootstraps: false,
      });
      within(world, `${what}: joining again`, 20_000, () => allUp([...others, again]));
    }
  }
});

Deno.test("one member cannot make members that do not exist", () => {
  for (const status of ["up", "joining", "leaving"] as const) {
    const { world, nodes } = formed(10, 4);
    const bad = nodes[3]!;
    const others = nodes.slice(0, 3);
    const fakes = Array.from({ length: 12 }, (_, index) =>
      newRecord({
        ...bad.view.self,
        address: `x${index}:1`,
        nodeId: `x${index}`,
        status,
        upNumber: status === "joining" ? 0 : 20 + index,
        ...(index % 2 === 1 && { inheritedNumber: 20 + index }),
      }));
    for (let round = 0; round < 5; round++) {
      for (const node of others) tell(world, bad, node, gossip(bad, fakes));
      world.run(500);
    }
    const votes = others[0]!.view.members.filter((member) => isFull(member));
    assertEquals(
      votes.map(({ address }) => address).sort(),
      nodes.map(({ address }) => address).sort(),
    );
    world.crash(bad);
    // With votes for them the others would be a minority.
    within(world, `${status}: the others`, 60_000, () => allUp(others));
    for (const node of others) assertEquals(node.downed, undefined);
  }
});

Deno.test("nobody becomes full of whom one member says that it has seen all", () => {
  const { world, nodes } = formed(11, 4);
  const [leader, , , bad] = nodes as [
    SimulatedMember,
    SimulatedMember,
    SimulatedMember,
    SimulatedMember,
  ];
  const fake: Member = { ...bad.view.self, address: "x:1", nodeId: "x", upNumber: 0 };
  // The liar says for it that it has seen all.
  const speak = (status: MemberStatus, seen: string) => ({
    ...newRecord({ ...fake, status }),
    seen: { counter: 100, digest: seen },
  });
  for (let round = 0; round < 20; round++) {
    const view = leader.view.members.find(({ address }) => address === fake.address);
    const state = { members: new Map(), tombstones: new Map() };
    for (
      const member of [...leader.view.members, ...(view ? [] : [{ ...fake, status: "joining" }])]
    ) {
      state.members.set(member.address, newRecord(member as Member));
    }
    const record = speak("joining", contentDigest(state));
    for (const node of nodes) {
      if (node !== bad) tell(world, bad, node, gossip(bad, [record]));
    }
    world.run(100);
  }
  for (const { events } of nodes.slice(0, 3)) {
    const up = events.filter((event) =>
      event.type === "memberUp" && event.member.address === "x:1"
    );
    assertEquals(up, []);
  }
});

Deno.test("nobody keeps a node out by claiming the highest incarnation of its address", () => {
  const { world, nodes } = formed(7, 4);
  const bad = nodes[3]!;
  for (const incarnation of [highest, highest - 1, 2 ** 52]) {
    const member: Member = { ...bad.view.self, address: "late:1", nodeId: "late", incarnation };
    const tombstone = { address: "late:1", incarnation, age: 0 };
    for (const victim of nodes.slice(0, 3)) {
      tell(world, bad, victim, gossip(bad, [newRecord(member)]));
      tell(world, bad, victim, gossip(bad, [], [tombstone]));
    }
  }
  // The highest incarnation that is not refused is not the last one.
  const ahead = 1_000 * 365 * 86_400_000;
  const tombstone = { address: "late:1", incarnation: Math.floor(world.now) + ahead, age: 0 };
  for (const victim of nodes.slice(0, 3)) tell(world, bad, victim, gossip(bad, [], [tombstone]));
  world.crash(bad);
  world.run(1_000);
  const late = world.start("late", ["n0"]);
  within(world, "joining", 60_000, () => allUp([...nodes.slice(0, 3), late]));
});

Deno.test("a member that claims the highest counters of another changes nothing", () => {
  for (const counter of [highest, highest - 1, 2 ** 40, 2 ** 21]) {
    const { world, nodes } = formed(8, 4);
    const [victim, bad] = [nodes[1]!, nodes[3]!];
    const { self } = victim.view;
    const lie: MemberRecord = {
      member: { ...self, statusRefutation: counter, status: "leaving" },
      seen: { counter, digest: "0123456789abcdef" },
      reachability: { version: counter, unreachable: [], refutation: counter },
    };
    for (const node of nodes) if (node !== bad) tell(world, bad, node, gossip(bad, [lie]));
    world.crash(bad);
    const others = nodes.slice(0, 3);
    within(world, "agreement", 40_000, () => allUp(others));
    const late = world.start("late", ["n1"]);
    within(world, "joining", 10_000, () => allUp([...others, late]));
  }
});

Deno.test("a node that is no member can speak of itself only", () => {
  const { world, nodes } = formed(9, 3);
  const [a, b] = nodes as [SimulatedMember, SimulatedMember];
  const { clusterId, self } = b.view;
  const step = (value: unknown) => {
    const message = parseMembershipMessage(structuredClone(value));
    assert(message !== undefined);
    // Two members would be believed.
    for (const from of ["other:1", "other:2"]) world.step(a, { type: "received", from, message });
  };
  const tombstone = { address: b.address, incarnation: self.incarnation, age: 0 };
  const down: Member = { ...self, status: "down" };
  for (
    const state of [{ members: [newRecord(down)], tombstones: [] }, {
      members: [],
      tombstones: [tombstone],
    }]
  ) {
    step({ type: "gossip", clusterId, incarnation: 1, state, reply: false });
  }
  step({ type: "removed", clusterId, incarnation: a.view.self.incarnation });
  assert(a.alive && a.view.members.length === 3);
  world.run(5_000);
  assert(allUp(nodes));
});

function selfOf(address: string, now: number) {
  return { address, nodeId: address.split(":")[0]!, incarnation: 1 + Math.floor(now), roles: [] };
}

// What a bad member may send.

const counter = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.constantFrom(2 ** 20, 2 ** 21, 2 ** 40, 2 ** 41, 2 ** 52, highest - 2, highest - 1, highest),
  fc.maxSafeNat(),
);
const statuses: MemberStatus[] = ["joining", "weaklyUp", "up", "leaving", "exiting", "down"];
/** 0 to 3: one of the members; beyond: nobody yet. */
const who = fc.integer({ min: 0, max: 5 });
const digest = fc.constantFrom("0123456789abcdef", "ffffffffffffffff", "");

const record = fc.record({
  who,
  /** Added to the true incarnation, or used instead. */
  incarnation: fc.oneof(fc.constant(0), fc.integer({ min: -2, max: 2 }), counter),
  status: fc.constantFrom(undefined, ...statuses),
  upNumber: fc.option(counter, { nil: undefined }),
  statusRefutation: fc.option(counter, { nil: undefined }),
  label: fc.constantFrom(undefined, "", "\uffff"),
  seen: counter,
  digest,
  version: counter,
  refutation: fc.option(counter, { nil: undefined }),
  accused: fc.array(fc.record({ who, refutation: counter }), { maxLength: 3 }),
});

type RecordLie = typeof record extends fc.Arbitrary<infer T> ? T : never;

const message = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("gossip"),
      records: fc.array(record, { maxLength: 4 }),
      graves: fc.array(fc.record({ who, incarnation: counter, age: counter }), { maxLength: 2 }),
    }),
  },
  fc.record({ type: fc.constant("join"), incarnation: counter }),
  fc.record({ type: fc.constant("joinRefused"), known: counter }),
  fc.record({ type: fc.constant("notReady"), vote: fc.boolean() }),
  fc.record({ type: fc.constant("welcome"), records: fc.array(record, { maxLength: 4 }) }),
  fc.record({ type: fc.constant("digest"), digest, incarnation: counter }),
  fc.record({ type: fc.constant("summary"), digest, salt: counter }),
  fc.record({ type: fc.constant("heartbeat"), incarnation: counter }),
  fc.record({
    type: fc.constant("heartbeatAck"),
    incarnation: counter,
    stallPort: fc.integer({ min: 1, max: 65_535 }),
  }),
  fc.record({ type: fc.constant("indirectProbe"), who, sequence: counter }),
  fc.record({ type: fc.constant("indirectAnswer"), who, sequence: counter, alive: fc.boolean() }),
  fc.record({ type: fc.constant("left"), incarnation: counter }),
  fc.record({ type: fc.constant("removed"), incarnation: counter }),
);

/** The wire form of a lie. */
function wireOf(
  lie: typeof message extends fc.Arbitrary<infer T> ? T : never,
  nodes: readonly SimulatedMember[],
  bad: SimulatedMember,
): unknown {
  const { clusterId, self } = bad.view;
  const address = (index: number) => nodes[index]?.address ?? `x${index}:1`;
  const incarnationOf = (index: number) => nodes[index]?.view.self.incarnation ?? 7;
  const recordOf = (it: RecordLie) => {
    const known: Member = nodes[it.who]?.view.self ??
      { ...self, address: address(it.who), upNumber: 0, status: "joining" };
    const near = Math.abs(it.incarnation) <= 2;
    return {
      member: {
        ...known,
        incarnation: near ? Math.max(0, known.incarnation + it.incarnation) : it.incarnation,
        ...(it.status && { status: it.status }),
        ...(it.upNumber !== undefined && { upNumber: it.upNumber }),
        ...(it.statusRefutation !== undefined && { statusRefutation: it.statusRefutation }),
        ...(it.label && { roles: [it.label], nodeId: it.label, zone: it.label }),
      },
      seen: { counter: it.seen, digest: it.digest },
      reachability: {
        version: it.version,
        unreachable: it.accused.map(({ who, refutation }) => ({
          address: address(who),
          incarnation: incarnationOf(who),
          refutation,
        })),
        ...(it.refutation !== undefined && { refutation: it.refutation }),
      },
    };
  };
  const distinct = (records: readonly RecordLie[]) => [
    ...new Map(records.map((it) => [it.who, recordOf(it)])).values(),
  ];
  const sender = { clusterId, incarnation: self.incarnation };
  switch (lie.type) {
    case "gossip": {
      const { records, graves } = lie as never as {
        records: RecordLie[];
        graves: { who: number; incarnation: number; age: number }[];
      };
      const taken = new Set(records.map(({ who }) => who));
      const tombstones = new Map(
        graves.filter(({ who }) => !taken.has(who)).map(({ who, ...rest }) => [
          who,
          { address: address(who), ...rest },
        ]),
      );
      return { ...gossip(bad, distinct(records), [...tombstones.values()]), reply: true };
    }
    case "welcome":
      return {
        ...lie,
        clusterId,
        state: {
          members: distinct((lie as never as { records: RecordLie[] }).records),
          tombstones: [],
        },
      };
    case "join":
      return {
        type: "join",
        member: { ...self, ...lie, type: undefined, status: "joining", upNumber: 0 },
        clusterConfig: {},
      };
    case "joinRefused":
      return { ...lie, code: "staleIncarnation", reason: "" };
    case "notReady":
      return { ...lie, bootstraps: true };
    case "summary":
      return { ...sender, ...lie, entries: new Uint8Array(16) };
    default: {
      const { who = 0 } = lie as { who?: number };
      return { ...sender, ...lie, clusterId, target: address(who) };
    }
  }
}

for (const what of ["seen", "reachability"] as const) {
  Deno.test(`another ${what} under the own number of a member is outbid by it`, () => {
    // One of them is the number that it has.
    for (let number = 0; number <= 12; number++) {
      const { world, nodes } = formed(115, 5);
      const bad = nodes[4]!;
      const named = nodes.slice(0, 4);
      const [told, accused, victim] = named as [SimulatedMember, SimulatedMember, SimulatedMember];
      const { address, incarnation } = accused.view.self;
      const subject = { address, incarnation, refutation: 2 ** 20 };
      const lie = {
        member: victim.view.self,
        // Greater than any other: of two with one number others take it.
        seen: { counter: what === "seen" ? number : 0, digest: "f".repeat(16) },
        reachability: {
          version: what === "reachability" ? number : 0,
          unreachable: what === "reachability" ? [subject] : [],
        },
      };
      tell(world, bad, told, gossip(bad, [lie]));
      world.crash(bad);
      const agreed = world.runUntil(() => allUp(named), 60_000);
      assert(agreed !== undefined, `${number}: ${describe(named)}`);
    }
  });
}

Deno.test("whatever counters a bad member sends, the others converge, and nodes join and leave", () => {
  const numRuns = Number(Deno.env.get("CASTY_FORGED_RUNS") ?? 60);
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000 }),
      fc.array(
        fc.record({
          message,
          to: fc.integer({ min: 0, max: 3 }),
          wait: fc.integer({ min: 0, max: 700 }),
        }),
        {
          minLength: 1,
          maxLength: 25,
        },
      ),
      (seed, sent) => {
        const { world, nodes } = formed(seed, 5);
        const bad = nodes[4]!;
        const named = nodes.slice(0, 4);
        for (const { message, to, wait } of sent) {
          tell(world, bad, named[to]!, wireOf(message, named, bad));
          world.run(wait);
        }
        world.crash(bad);
        const agreed = world.runUntil(() => allUp(named), 120_000);
        // Lies about nobody: members that never were are downed and removed like crashed ones.
        assert(agreed !== undefined, describe(named));
        assert(named.every(({ alive, downed }) => alive && downed === undefined));
        const late = world.start("late", named.map(({ address }) => address), {
          bootstraps: false,
        });
        const all = [...named, late];
        assert(world.runUntil(() => allUp(all), 20_000) !== undefined, `late: ${describe(all)}`);
        const leaver = named[1]!;
        world.step(leaver, { type: "leave" });
        const rest = all.filter((node) => node !== leaver);
        assert(world.runUntil(() => allUp(rest), 20_000) !== undefined, `left: ${describe(rest)}`);
      },
    ),
    { numRuns },
  );
});

function describe(nodes: readonly SimulatedMember[]): string {
  return JSON.stringify(
    nodes.map(({ address, alive, view, machine, downed }) => ({
      address,
      alive,
      downed: downed?.why,
      missing: machine.missing,
      unreachable: [...view.unreachable],
      members: view.members.map(({ address, status, incarnation, upNumber }) =>
        `${address} ${status} ${incarnation} ${upNumber}`
      ),
    })),
    undefined,
    1,
  );
}

Deno.test("what is told of earlier incarnations of members that have restarted is no lie", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { world, nodes } = formed(seed, 5);
    let living = nodes;
    for (let round = 0; round < 3; round++) {
      const killed = [living[round]!, living[round + 2]!];
      for (const node of killed) world.kill(node);
      world.run(1_500);
      const restarted = killed.map(({ address }) => world.start(address, ["n0", "n1", "n2"]));
      living = living.map((node) => restarted[killed.indexOf(node)] ?? node);
      within(world, "joining", 60_000, () => allUp(living));
    }
    const lines = living.flatMap(({ log }) =>
      log.filter((line) => line.includes("cannot be true"))
    );
    assertEquals(lines, [], `seed ${seed}`);
  }
});

Deno.test("a node that ends before it has spoken to a second member keeps nobody waiting", () => {
  const { world, nodes } = formed(12, 4);
  const [, admits] = nodes;
  world.step(admits!, {
    type: "received",
    from: "late:1",
    message: {
      type: "join",
      member: { ...selfOf("late:1", 7), status: "joining", upNumber: 0 },
      clusterConfig: {},
    },
  });
  assert(admits!.view.members.length === 5);
  within(world, "agreement", 40_000, () => allUp(nodes));
  const late = world.start("late", ["n1"]);
  within(world, "joining", 10_000, () => allUp([...nodes, late]));
});
