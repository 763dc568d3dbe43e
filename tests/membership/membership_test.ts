import { assert, assertEquals, assertThrows } from "@std/assert";
import { OptionError } from "../../lib/options/option_error.ts";
import {
  Membership,
  type MembershipConfig,
  type MembershipEffect,
} from "../../lib/membership/machine/membership.ts";
import type { MembershipMessage } from "../../lib/membership/machine/messages.ts";

const self = { address: "a:1", nodeId: "a", incarnation: 10, roles: [] };

function bootstrapNode(config: Partial<MembershipConfig> = {}): Membership {
  const machine = new Membership({ self, seeds: [], ...config });
  machine.step({ type: "start" }, 0);
  return machine;
}

function joiner(name: string, incarnation = 1): MembershipMessage {
  const address = `${name}:1`;
  return {
    type: "join",
    member: { address, nodeId: name, incarnation, status: "joining", roles: [], upNumber: 0 },
    clusterConfig: {},
  };
}

const sent = (effects: readonly MembershipEffect[]) =>
  effects.flatMap((effect) => effect.type === "send" ? [[effect.to, effect.message.type]] : []);

for (
  const [name, config] of [
    ["self.address", { self: { ...self, address: "nowhere" } }],
    ["self.nodeId", { self: { ...self, nodeId: "" } }],
    ["self.incarnation", { self: { ...self, incarnation: 1.5 } }],
    ["self.roles", { self: { ...self, roles: Array(65).fill("r") } }],
    ["seeds", { seeds: ["b:1", "b"] }],
    ["clusterConfig", { clusterConfig: { "": "x" } }],
    ["gossipInterval", { gossipInterval: 0 }],
    ["heartbeatInterval", { heartbeatInterval: NaN }],
    ["gossipFanout", { gossipFanout: 0.5 }],
    ["monitorsPerMember", { monitorsPerMember: 0 }],
    ["maxMembers", { maxMembers: 1e6 }],
    ["maxTombstones", { maxTombstones: 1e6 }],
    ["leaveTimeout", { leaveTimeout: -1 }],
    ["stableAfter", { stableAfter: -1 }],
    ["detector.acceptablePause", { detector: { acceptablePause: -1 } }],
    ["detector.threshold", { detector: { threshold: 0 } }],
  ] as const
) {
  Deno.test(`an invalid ${name} is rejected by name`, () => {
    const error = assertThrows(
      () => new Membership({ self, seeds: [], ...config }),
      OptionError,
    );
    assertEquals(error.code, "badOption");
    assert(error.message.startsWith(`${name}: `), error.message);
  });
}

Deno.test("a node has no cluster before it joins", () => {
  const machine = new Membership({ self, seeds: ["b:1", "c:1"] });
  assertEquals(machine.view.self.status, "joining");
  assertEquals(sent(machine.step({ type: "start" }, 0)), [["b:1", "join"], ["c:1", "join"]]);
  assertEquals([machine.view.members, machine.view.leader, machine.view.clusterId], [
    [],
    undefined,
    undefined,
  ]);
  assertEquals(machine.step({ type: "start" }, 1), []);
});

Deno.test("joins are repeated every 250 ms at first, then every second", () => {
  const machine = new Membership({ self, seeds: ["b:1"] });
  machine.step({ type: "start" }, 0);
  const times: number[] = [];
  for (let now = 50; now <= 10_000; now += 50) {
    if (machine.step({ type: "tick", random: 0.5 }, now).length > 0) times.push(now);
  }
  assertEquals(times.slice(0, 4), [250, 500, 750, 1_000]);
  assertEquals(times.slice(-3), [8_000, 9_000, 10_000]);
});

Deno.test("the cluster id names the bootstrap node, and a joining node is admitted", () => {
  const machine = bootstrapNode();
  assertEquals(machine.view.clusterId, "a:1#10");
  const effects = machine.step({ type: "received", from: "b:1", message: joiner("b") }, 5);
  assertEquals(sent(effects), [["b:1", "welcome"]]);
  assertEquals(machine.view.members.map(({ nodeId, status }) => [nodeId, status]), [
    ["a", "up"],
    ["b", "joining"],
  ]);
  assertEquals(machine.missing, ["b:1"]);
});

Deno.test("a join for another address is rejected", () => {
  const machine = bootstrapNode();
  const before = machine.view;
  const effects = machine.step({ type: "received", from: "c:1", message: joiner("b") }, 5);
  assertEquals(effects.map(({ type }) => type), ["log"]);
  assertEquals(machine.view, before);
});

Deno.test("an earlier incarnation is rejected with the known later one", () => {
  const machine = bootstrapNode();
  machine.step({ type: "received", from: "b:1", message: joiner("b", 7) }, 5);
  const [, effect] = machine.step({ type: "received", from: "b:1", message: joiner("b", 6) }, 6);
  assert(effect?.type === "send" && effect.message.type === "joinRefused");
  assertEquals([effect.message.code, effect.message.known], ["staleIncarnation", 7]);
  const again = machine.step({ type: "received", from: "b:1", message: joiner("b", 7) }, 7);
  assertEquals(sent(again), [["b:1", "welcome"]]);
});

Deno.test("a welcome that was not requested is ignored", () => {
  const machine = new Membership({ self, seeds: ["b:1"] });
  machine.step({ type: "start" }, 0);
  const member = { ...self, status: "joining" as const, upNumber: 0 };
  const record = {
    member,
    seen: { counter: 0, digest: "" },
    reachability: { version: 0, unreachable: [] },
  };
  const welcome = (incarnation: number): MembershipMessage => ({
    type: "welcome",
    clusterId: "x#1",
    state: { members: [{ ...record, member: { ...member, incarnation } }], tombstones: [] },
  });
  machine.step({ type: "received", from: "evil:1", message: welcome(10) }, 1);
  machine.step({ type: "received", from: "b:1", message: welcome(9) }, 2);
  assertEquals(machine.view.clusterId, undefined);
  machine.step({ type: "received", from: "b:1", message: welcome(10) }, 3);
  assertEquals(machine.view.clusterId, "x#1");
});

Deno.test("gossip with another cluster id changes nothing; its sender is notified and it is logged once", () => {
  const machine = bootstrapNode();
  const before = machine.view;
  const message: MembershipMessage = {
    type: "gossip",
    clusterId: "z:1#1",
    incarnation: 1,
    state: { members: [], tombstones: [] },
    reply: true,
  };
  const first = machine.step({ type: "received", from: "z:1", message }, 1);
  assertEquals(first.map(({ type }) => type), ["send", "log"]);
  assertEquals(sent(first), [["z:1", "left"]]);
  assertEquals(machine.step({ type: "received", from: "z:1", message }, 2).length, 1);
  assertEquals(machine.view, before);
});

Deno.test("a member whose connection ended is probed at once and not accused", () => {
  const machine = bootstrapNode();
  machine.step({ type: "received", from: "b:1", message: joiner("b") }, 5);
  machine.step({ type: "tick", random: 0.9 }, 100);
  const effects = machine.step({ type: "peerGone", address: "b:1" }, 200);
  assertEquals(sent(effects), [["b:1", "heartbeat"]]);
  assertEquals(machine.view.unreachable.size, 0);
  assertEquals(machine.step({ type: "peerGone", address: "z:1" }, 200), []);
});

Deno.test("any traffic keeps a member reachable", () => {
  const machine = bootstrapNode();
  machine.step({ type: "received", from: "b:1", message: joiner("b") }, 5);
  for (let now = 100; now <= 30_000; now += 100) {
    machine.step({ type: "tick", random: 0.9 }, now);
    if (now % 2_000 === 0) machine.step({ type: "signOfLife", from: "b:1" }, now);
  }
  assertEquals(machine.view.unreachable.size, 0);
  for (let now = 30_100; now <= 36_500; now += 100) {
    machine.step({ type: "tick", random: 0.9 }, now);
  }
  assertEquals([...machine.view.unreachable], ["b:1"]);
});

Deno.test("after the end a node only sends `left` to senders of membership messages", () => {
  const machine = bootstrapNode();
  machine.step({ type: "leave" }, 1);
  assertEquals(machine.step({ type: "tick", random: 0.5 }, 2_000), []);
  assertEquals(machine.step({ type: "leave" }, 2_000), []);
  const message: MembershipMessage = { type: "heartbeat", clusterId: "a:1#10", incarnation: 1 };
  assertEquals(sent(machine.step({ type: "received", from: "b:1", message }, 2_001)), [
    ["b:1", "left"],
  ]);
  assertEquals(machine.step({ type: "received", from: "b:1", message: joiner("b") }, 2_002), []);
});
