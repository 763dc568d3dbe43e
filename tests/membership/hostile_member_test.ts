/**
 * One member is bad: it has a certificate of its own, speaks the protocol, and lies. What it may say
 * about others is trusted in parts (see `SECURITY.md`); here is what it cannot do.
 */
import { assert, assertEquals } from "@std/assert";
import { admitted } from "../../lib/membership/joining/admission.ts";
import { leaderActions } from "../../lib/membership/machine/leader.ts";
import { resolveConfig } from "../../lib/membership/machine/config.ts";
import { newMachine } from "../../lib/membership/machine/machine.ts";
import { type MemberRecord, newRecord } from "../../lib/membership/state/gossip_state.ts";
import type { Member } from "../../lib/membership/state/member.ts";
import type { GossipContent, MembershipMessage } from "../../lib/membership/machine/messages.ts";
import { parseMembershipMessage } from "../../lib/membership/machine/messages.ts";
import type { MembershipEffect } from "../../lib/membership/machine/membership.ts";
import { allUp, formed, within } from "./formed_cluster.ts";
import { type SimulatedMember, SimulatedMembers } from "./simulated_members.ts";

const highest = Number.MAX_SAFE_INTEGER;

/** Delivers a message of the hostile member to the victim; returns its effects. */
function deliver(
  world: SimulatedMembers,
  bad: SimulatedMember,
  victim: SimulatedMember,
  message: MembershipMessage,
): readonly MembershipEffect[] {
  assert(parseMembershipMessage(structuredClone(message)) !== undefined, "it is well-formed");
  return victim.machine.step({ type: "received", from: bad.address, message }, world.now);
}

function gossip(bad: SimulatedMember, state: Partial<GossipContent>): MembershipMessage {
  const { clusterId, self } = bad.view;
  return {
    type: "gossip",
    clusterId: clusterId!,
    incarnation: self.incarnation,
    state: { members: [], tombstones: [], ...state },
    reply: false,
  };
}

/** A member's own record, as it sends it. */
function recordOf(node: SimulatedMember): MemberRecord {
  return newRecord(node.view.self);
}

function fakeMember(index: number): Member {
  const name = `x${index}`;
  return {
    address: `${name}:1`,
    nodeId: name,
    incarnation: 1,
    status: "joining",
    roles: [],
    upNumber: 0,
  };
}

const sent = (effects: readonly MembershipEffect[]) =>
  effects.filter(({ type }) => type === "send");
const logged = (effects: readonly MembershipEffect[]) =>
  effects.filter(({ type }) => type === "log");

Deno.test("a member that claims the highest up number does not keep others from becoming up", () => {
  const { world, nodes } = formed(1, 4);
  const bad = nodes[3]!;
  const record = recordOf(bad);
  const forged = { ...record, member: { ...record.member, upNumber: highest } };
  for (const node of nodes) {
    // An upNumber is only ever lowered, so the forgery needs a new incarnation.
    const member = { ...forged.member, incarnation: forged.member.incarnation + 1 };
    if (node !== bad) deliver(world, bad, node, gossip(bad, { members: [{ ...forged, member }] }));
  }
  world.crash(bad);
  const others = nodes.slice(0, 3);
  within(world, "removal", 40_000, () => allUp(others));
  const late = world.start("late", ["n0"]);
  within(world, "joining", 10_000, () => allUp([...others, late]));
});

Deno.test("up numbers stay within bounds if a member has the highest one", () => {
  const member = (address: string, upNumber: number): Member => ({
    ...fakeMember(1),
    address,
    status: upNumber === 0 ? "joining" : "up",
    upNumber,
  });
  const { moved } = leaderActions([member("a:1", highest), member("b:1", 0)], new Set());
  assertEquals(moved.map(({ upNumber }) => upNumber), [highest]);
});

Deno.test("the highest up number is refused, also with a new incarnation", () => {
  const { world, nodes } = formed(2, 4);
  const [leader, , , bad] = nodes;
  const member = {
    ...bad!.view.self,
    incarnation: bad!.view.self.incarnation + 1,
    upNumber: highest,
  };
  const effects = deliver(world, bad!, leader!, gossip(bad!, { members: [newRecord(member)] }));
  assertEquals(logged(effects).length, 1, "it is named");
  world.start("late", ["n0"]);
  // Every message is read as it arrives; one that is malformed throws in the simulated network.
  world.run(20_000);
  assert(leader!.alive && leader!.view.members.every(({ upNumber }) => upNumber < 100));
});

Deno.test("forged versions of a member's record neither change nor suppress its own", () => {
  for (const number of [1_000, highest]) {
    const { world, nodes } = formed(3, 5);
    const [victim, bad] = [nodes[1]!, nodes[3]!];
    const record = recordOf(victim);
    const forged: MemberRecord = {
      member: record.member,
      seen: { counter: number, digest: "0123456789abcdef" },
      reachability: {
        version: number,
        unreachable: [{ address: "n2:1", incarnation: nodes[2]!.view.self.incarnation }],
      },
    };
    deliver(world, bad, victim, gossip(bad, { members: [forged] }));
    assertEquals(victim.view.unreachable.size, 0);
    const { peers } = victim.machine.health(world.now);
    assert(peers.every(({ accused }) => !accused));
    world.run(10_000);
    assert(allUp(nodes), `${number}`);
  }
});

Deno.test("a forged record is overruled everywhere by its owner", () => {
  const { world, nodes } = formed(4, 5);
  const [victim, bad] = [nodes[1]!, nodes[3]!];
  const record = recordOf(victim);
  const forged: MemberRecord = {
    member: record.member,
    seen: { counter: 900_000, digest: "0123456789abcdef" },
    reachability: {
      version: 900_000,
      unreachable: nodes.filter((node) => node !== victim).map(({ view: { self } }) => ({
        address: self.address,
        incarnation: self.incarnation,
      })),
    },
  };
  for (const node of nodes) {
    if (node !== bad) deliver(world, bad, node, gossip(bad, { members: [forged] }));
  }
  assert(!nodes[0]!.view.converged);
  within(world, "the truth", 10_000, () => allUp(nodes));
  const late = world.start("late", ["n0"]);
  within(world, "joining", 10_000, () => allUp([...nodes, late]));
});

Deno.test("100,000 fake members and tombstones take bounded space", () => {
  const { world, nodes } = formed(5, 3, { maxMembers: 100, maxTombstones: 500 });
  const bad = nodes[2]!;
  for (let round = 0; round < 100; round++) {
    world.clock.moveTo(world.now + 10_000);
    const members = Array.from({ length: 500 }, (_, index) => {
      return newRecord(fakeMember(round * 500 + index));
    });
    const tombstones = Array.from({ length: 500 }, (_, index) => ({
      address: `gone${round * 500 + index}:1`,
      incarnation: 1,
      age: 0,
    }));
    deliver(world, bad, nodes[0]!, gossip(bad, { members, tombstones }));
    assert(round >= 50 || nodes[0]!.view.members.length === 3, "one is not believed");
    // Two are.
    const worse = nodes[1]!;
    if (round >= 50) deliver(world, worse, nodes[0]!, gossip(worse, { members, tombstones }));
  }
  assertEquals(nodes[0]!.view.members.length, 200, "twice maxMembers");
  const m = newMachine(resolveConfig(nodes[0]!.config));
  const tombstones = new Map(Array.from({ length: 5_000 }, (_, index) => {
    const address = `gone${index}:1`;
    return [address, { address, incarnation: 1, removedAt: 0 }];
  }));
  m.state = admitted(m, { members: new Map(), tombstones }, "bad:1", 0).theirs;
  assertEquals(m.state.tombstones.size, 500, "maxTombstones");
  const again = admitted(m, { members: new Map(), tombstones }, "bad:1", 0);
  assertEquals(again.theirs.tombstones.size, 500);
});

Deno.test("a flood from one member is dropped and logged once, and others are still answered", () => {
  const { world, nodes } = formed(6, 4);
  const [victim, friend, , bad] = nodes as [
    SimulatedMember,
    SimulatedMember,
    SimulatedMember,
    SimulatedMember,
  ];
  const ask = (from: SimulatedMember): MembershipMessage => ({
    type: "summary",
    clusterId: from.view.clusterId!,
    incarnation: from.view.self.incarnation,
    digest: "0000000000000000",
    salt: 1,
    entries: new Uint8Array(0),
  });
  let answers = 0;
  let lines = 0;
  for (let index = 0; index < 10_000; index++) {
    const effects = deliver(world, bad, victim, ask(bad));
    answers += sent(effects).length;
    lines += logged(effects).length;
  }
  assert(answers <= 400, `${answers} answers`);
  assertEquals(lines, 1);
  assertEquals(sent(deliver(world, friend, victim, ask(friend))).length, 1);
  world.run(30_000);
  assert(allUp(nodes), "no other member is affected");
  assertEquals(sent(deliver(world, bad, victim, ask(bad))).length, 1, "it is answered again");
});

Deno.test("a forged or rejected join is logged once a minute, however often it is repeated", () => {
  const { world, nodes } = formed(7, 3, { clusterConfig: { color: "red" } });
  const bad = nodes[2]!;
  const join = (member: Member): MembershipMessage => ({ type: "join", member, clusterConfig: {} });
  let lines = 0;
  for (let index = 0; index < 300; index++) {
    lines += logged(deliver(world, bad, nodes[0]!, join(fakeMember(index)))).length;
  }
  assertEquals(lines, 1);
  assertEquals(nodes[0]!.view.members.length, 3);
  const other = new Map<string, number>();
  for (let index = 0; index < 200; index++) {
    world.clock.moveTo(world.now + 250);
    const effects = nodes[0]!.machine.step({
      type: "received",
      from: "late:1",
      message: {
        type: "join",
        member: { ...fakeMember(1), address: "late:1" },
        clusterConfig: { color: "blue" },
      },
    }, world.now);
    assertEquals(sent(effects).length, 1, "it is answered each time");
    other.set("lines", (other.get("lines") ?? 0) + logged(effects).length);
  }
  assertEquals(other.get("lines"), 1);
});

Deno.test("new incarnations of one node are admitted only a few times a second", () => {
  const { world, nodes } = formed(8, 3);
  const bad = nodes[2]!;
  world.crash(bad);
  let admissions = 0;
  for (let index = 1; index <= 1_000; index++) {
    const { self } = bad.view;
    const member: Member = {
      ...self,
      status: "joining",
      upNumber: 0,
      incarnation: self.incarnation + index,
    };
    const effects = deliver(world, bad, nodes[0]!, { type: "join", member, clusterConfig: {} });
    admissions += sent(effects).filter((effect) =>
      effect.type === "send" && effect.message.type === "welcome"
    ).length;
  }
  assert(admissions >= 1 && admissions <= 30, `${admissions} admissions at once`);
});

Deno.test("the probes of one member do not exhaust the relays of all", () => {
  const { world, nodes } = formed(9, 5);
  const [helper, friend, target, bad] = nodes as [
    SimulatedMember,
    SimulatedMember,
    SimulatedMember,
    SimulatedMember,
  ];
  const probe = (from: SimulatedMember, sequence: number): MembershipMessage => ({
    type: "indirectProbe",
    clusterId: from.view.clusterId!,
    incarnation: from.view.self.incarnation,
    target: target.address,
    sequence,
  });
  let carried = 0;
  for (let index = 0; index < 300; index++) {
    carried += sent(deliver(world, bad, helper, probe(bad, index))).length;
  }
  assertEquals(carried, 50);
  assertEquals(sent(deliver(world, friend, helper, probe(friend, 1))).length, 1);
});

Deno.test("one member that keeps accusing all others makes none unreachable", () => {
  const { world, nodes } = formed(10, 8);
  const bad = nodes[5]!;
  const others = nodes.filter((node) => node !== bad);
  for (let round = 1; round <= 60; round++) {
    const record = recordOf(bad);
    const unreachable = others.map(({ view: { self } }) => ({
      address: self.address,
      incarnation: self.incarnation,
      refutation: 1_000 * round,
    }));
    const forged = { ...record, reachability: { version: 1_000_000 + round, unreachable } };
    for (const node of others) deliver(world, bad, node, gossip(bad, { members: [forged] }));
    world.run(1_000);
  }
  for (const node of others) {
    assertEquals(node.downed, undefined);
    const wrongly = node.events.filter((event) =>
      event.type === "unreachableMember" && event.member.address !== bad.address
    );
    assertEquals(wrongly.length, 0);
  }
});

Deno.test("replayed messages change nothing", () => {
  const { world, nodes } = formed(11, 4);
  const bad = nodes[3]!;
  const state = { members: nodes.map(recordOf), tombstones: [] };
  const old = gossip(bad, state);
  const late = world.start("late", ["n0"]);
  within(world, "joining", 10_000, () => allUp([...nodes, late]));
  const before = nodes[0]!.view;
  for (let index = 0; index < 50; index++) deliver(world, bad, nodes[0]!, old);
  assertEquals(nodes[0]!.view, before);
});

Deno.test("a seed that names ever more members makes a joining node dial a bounded number", () => {
  const world = new SimulatedMembers(1);
  const victim = world.start("victim", ["bad", "other"]);
  const dialled = new Set<string>();
  const note = (effects: readonly MembershipEffect[]) => {
    for (const effect of effects) if (effect.type === "send") dialled.add(effect.to);
  };
  for (let round = 0; round < 100; round++) {
    for (let index = 0; index < 50; index++) {
      const contacts = [0, 1, 2].map((one) => `x${round}-${index}-${one}:1`);
      const message = { type: "notReady", bootstraps: false, vote: false, contacts } as const;
      assert(parseMembershipMessage(message) !== undefined, "it is well-formed");
      const received = { type: "received", from: "bad:1", message } as const;
      note(victim.machine.step(received, world.now));
    }
    world.run(100);
  }
  // Three for each of its joins, four in a second.
  assert(dialled.size <= 3 * 4 * 11, `${dialled.size}`);
  const tooMany = { type: "notReady", bootstraps: false, contacts: ["a:1", "b:1", "c:1", "d:1"] };
  assertEquals(parseMembershipMessage(tooMany), undefined);
});
