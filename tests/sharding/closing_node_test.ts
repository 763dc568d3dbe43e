import { assertEquals } from "@std/assert";
import { answerWithoutRegion } from "../../lib/sharding/region/no_region.ts";
import {
  clientShardsPath,
  parseShardingMessage,
  shardingPath,
} from "../../lib/sharding/routing/protocol.ts";
import { shardOf } from "../../lib/sharding/routing/shard_hash.ts";
import { ShardRouter } from "../../lib/sharding/routing/shard_router.ts";

const shard = shardOf("x", 10);

/** A router, and its effects. */
function scene(self: string) {
  const sent: [to: string, path: string, message: unknown][] = [];
  const lost: string[] = [];
  const asked: number[] = [];
  const router = new ShardRouter({
    shardType: "lists",
    numShards: 10,
    port: {
      self,
      now: () => 0,
      send: (...message) => void sent.push(message),
      deadLetter: (reason, target) => void lost.push(`${reason} ${target}`),
    },
    locate: (shard) => void asked.push(shard),
  });
  return { router, sent, lost, asked };
}

Deno.test("a node that closes returns messages of clients, and counts the others as dead letters", () => {
  const { router, sent, lost } = scene("a");
  router.receive("x", "of a client", 7, "client:1");
  router.route("x", "of this node");
  router.close();
  const about = { shardType: "lists", shard, epoch: 8, owner: "", entityId: "x" };
  const returned = { type: "returned" as const, ...about, message: "of a client" };
  assertEquals(sent, [["client:1", clientShardsPath, returned]]);
  assertEquals(parseShardingMessage(returned), returned);
  assertEquals(lost, ["noShardOwner /_region-lists/x"]);
  assertEquals(router.buffered, 0);
});

Deno.test("a message that was returned to a client goes to the next owner before newer ones", () => {
  const { router, sent, lost, asked } = scene("client:1");
  router.learn(shard, "a", 7);
  router.route("x", "older");
  assertEquals(sent.length, 1);
  router.returned(shard, "x", "older", 8);
  router.route("x", "newer");
  // It does not go to the node that has ended, although nobody else is known.
  assertEquals([sent.length, asked.length], [1, 1]);
  router.learn(shard, "b", 9);
  assertEquals(sent.slice(1).map(([to, , message]) => [to, message]), [
    ["b", ["x", "older", 9]],
    ["b", ["x", "newer", 9]],
  ]);
  assertEquals(lost, []);
});

Deno.test("a message that a node without the region sends back waits for a later grant than that", () => {
  const { router, sent, lost, asked } = scene("client:1");
  router.learn(shard, "a", 7);
  router.route("x", "first");
  router.noRegion("x", "first", 7);
  assertEquals(asked, [shard]);
  // A node that has not heard of it yet still tells of the old grant.
  router.learn(shard, "a", 7);
  router.route("x", "second");
  assertEquals(sent.length, 1);
  router.learn(shard, "b", 9);
  assertEquals(sent.slice(1).map(([to, , message]) => [to, message]), [
    ["b", ["x", "first", 9]],
    ["b", ["x", "second", 9]],
  ]);
  assertEquals(lost, []);
});

Deno.test("a node without the region sends messages back, and confirms markers", () => {
  const sent: unknown[][] = [];
  const answer = (from: string, value: unknown) =>
    answerWithoutRegion((...message) => sent.push(message), from, "lists", value);
  answer("client:1", ["x", "of a client", 7]);
  answer("b:1", ["x", "of a node", 7]);
  answer("client:1", [shard, 9, "c:1", "", 0]);
  answer("b:1", [shard, 9, "c:1", "d:1", 7]);
  answer("b:1", "nonsense");
  const about = { type: "noRegion" as const, shardType: "lists", epoch: 7, entityId: "x" };
  const drained = { type: "drained" as const, shardType: "lists", shard, epoch: 9 };
  assertEquals(sent, [
    ["client:1", clientShardsPath, { ...about, message: "of a client" }],
    ["b:1", shardingPath, { ...about, message: "of a node" }],
    ["client:1", clientShardsPath, drained],
    ["d:1", shardingPath, drained],
  ]);
  const noRegion = { ...about, message: "m" };
  assertEquals(parseShardingMessage(noRegion), noRegion);
  assertEquals(parseShardingMessage({ ...noRegion, entityId: "" }), undefined);
});
