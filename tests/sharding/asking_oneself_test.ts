import { assertEquals } from "@std/assert";
import { type ShardingMessage, shardingPath } from "../../lib/sharding/routing/protocol.ts";
import { type EntityHost, Region } from "../../lib/sharding/region/region.ts";
import { shardOf } from "../../lib/sharding/routing/shard_hash.ts";
import { ShardNode, type ShardNodePort } from "../../lib/sharding/shard_node.ts";
import { ShardRouter } from "../../lib/sharding/routing/shard_router.ts";

/** Its entities never end, and so its shards are given up for ever. */
const host: EntityHost = { deliver: () => {}, startShard: () => {}, stopShard: () => {} };

const port: ShardNodePort = {
  self: "a",
  now: () => 0,
  send: () => {},
  deadLetter: () => {},
  publish: () => {},
  log: () => {},
  heard: () => {},
};

Deno.test("whoever is told that a shard is here that is not asks again with the next tick only", () => {
  const asked: number[] = [];
  const region = new Region(host);
  const shard = shardOf("x", 10);
  const router: ShardRouter = new ShardRouter({
    shardType: "lists",
    numShards: 10,
    region,
    port,
    ask: (shard) => {
      asked.push(shard);
      // A coordinator at this very node, which has not heard yet.
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

Deno.test("a node that leaves says so before it gives anything up, and again when it is granted a shard", () => {
  const sent: ShardingMessage[] = [];
  const send = (_to: string, path: string, message: unknown) => {
    if (path === shardingPath) sent.push(message as ShardingMessage);
  };
  const node = new ShardNode({ ...port, self: "b", send });
  node.add({
    shardType: "lists",
    numShards: 10,
    host: { ...host, stopShard: (...[, , end]) => end() },
  });
  const members = ["a", "b"].map((address) => {
    return { address, life: 1, eligible: true, roles: [], appVersion: undefined };
  });
  node.onView({ self: "b", leader: "a", members, converged: true });
  node.open("lists");
  node.receive("a", { type: "askReport", term: [1, "a"] });
  const grant = (shard: number) => {
    const about = { shardType: "lists", shard, epoch: 1 + shard };
    node.receive("a", { type: "host", term: [1, "a"], life: 1, ...about });
  };
  grant(0);
  const said = () => {
    const texts = sent.map((message) => {
      return message.type === "report" && message.retiring ? "leaves" : message.type;
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
