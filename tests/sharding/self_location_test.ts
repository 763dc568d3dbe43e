import type { CoordinationMessage } from "../../lib/sharding/coordinator/coordination_protocol.ts";
import { assertEquals } from "@std/assert";
import { shardingPath } from "../../lib/sharding/routing/protocol.ts";
import { Region, type ShardRunner } from "../../lib/sharding/region/region.ts";
import { shardOf } from "../../lib/sharding/routing/shard_hash.ts";
import { ShardingMachine, type ShardingMachinePort } from "../../lib/sharding/sharding_machine.ts";
import { ShardRouter } from "../../lib/sharding/routing/shard_router.ts";

/** Its entities never stop, so its hand-offs never end. */
const host: ShardRunner = {
  deliver: () => {},
  startShard: () => {},
  renewShard: () => {},
  stopShard: () => {},
};

const port: ShardingMachinePort = {
  self: "a",
  now: () => 0,
  wallTime: () => 0,
  onLease: () => {},
  send: () => {},
  deadLetter: () => {},
  publish: () => {},
  log: () => {},
  onAnswer: () => {},
};

Deno.test("a node that wrongly learns to own a shard requests its location with the next tick only", () => {
  const asked: number[] = [];
  const region = new Region(host);
  const shard = shardOf("x", 10);
  const router: ShardRouter = new ShardRouter({
    shardType: "lists",
    numShards: 10,
    region,
    port,
    locate: (shard) => {
      asked.push(shard);
      // The coordinator at this node, which does not know yet.
      if (asked.length < 100) router.learn(shard, "a", 1);
    },
  });
  region.own(shard, 1);
  router.learn(shard, "a", 1);
  region.handOff(shard, 1, () => {});
  router.route("x", 1);
  assertEquals(asked, []);
  router.tick();
  assertEquals(asked, [shard]);
  assertEquals(router.buffered, 1);
});

Deno.test("a node that retires reports that before it hands shards off, and again when it is granted one", () => {
  const sent: CoordinationMessage[] = [];
  const send = (_to: string, path: string, message: unknown) => {
    if (path === shardingPath) sent.push(message as CoordinationMessage);
  };
  const node = new ShardingMachine({ ...port, self: "b", send });
  node.add({
    shardType: "lists",
    numShards: 10,
    runner: { ...host, stopShard: (...[, , end]) => end() },
  });
  const members = ["a", "b"].map((address) => {
    return {
      address,
      incarnation: 1,
      eligible: true,
      joining: false,
      full: true,
      upNumber: address.charCodeAt(0) - 96,
      unreachable: undefined,
      roles: [],
      appVersion: undefined,
    };
  });
  node.onView({ self: "b", leader: "a", members });
  node.open("lists");
  node.receive("a", { type: "requestReport", term: [1, "a"] });
  const grant = (shard: number) => {
    const about = { shardType: "lists", shard, epoch: 1 + shard };
    node.receive("a", { type: "startShard", term: [1, "a"], config: 1, incarnation: 1, ...about });
  };
  grant(0);
  const said = () => {
    const texts = sent.map((message) => {
      return message.type === "shardReport" && message.retiring ? "leaves" : message.type;
    });
    sent.length = 0;
    return texts;
  };
  said();
  node.retire();
  assertEquals(said(), ["leaves", "stopped", "leaves"]);
  grant(1);
  assertEquals(said(), ["leaves", "stopped"]);
});
