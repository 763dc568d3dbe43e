import { assertEquals } from "@std/assert";
import { clientShardsPath, parseShardingMessage } from "../../lib/sharding/routing/protocol.ts";
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
