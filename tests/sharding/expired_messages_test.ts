/** Messages for entities whose askers have given up are dropped where they wait. */
import { assertEquals } from "@std/assert";
import { SentMessage } from "../../lib/actor/ref/sent_message.ts";
import { clientShardsPath, regionPath, shardingPath } from "../../lib/sharding/routing/protocol.ts";
import { shardOf } from "../../lib/sharding/routing/shard_hash.ts";
import { ShardRouter } from "../../lib/sharding/routing/shard_router.ts";
import { answerWithoutRegion } from "../../lib/sharding/region/no_region.ts";

const shard = shardOf("x", 10);
const lists = regionPath("lists");

function scene() {
  const time = { now: 0 };
  const sent: unknown[][] = [];
  const lost: string[] = [];
  const router = new ShardRouter({
    shardType: "lists",
    numShards: 10,
    port: {
      self: "a:1",
      now: () => time.now,
      // As times on the clock.
      send: (to, path, message, limit) => {
        const deadline = typeof limit === "object" ? time.now + limit.remaining : limit;
        sent.push([to, path, message, deadline]);
      },
      deadLetter: (reason, target) => void lost.push(`${reason} ${target}`),
    },
    locate: () => {},
  });
  const route = (message: unknown, deadline?: number) =>
    router.route("x", new SentMessage(undefined, message, deadline));
  return { router, sent, lost, time, route };
}

Deno.test("a message carries its deadline to the owner of its shard", () => {
  const { router, sent, route } = scene();
  router.learn(shard, "b:1", 7);
  route("asked", 500);
  route("told");
  router.receive("x", new SentMessage(undefined, "of another", 600), 5, "c:1");
  assertEquals(sent, [
    ["b:1", lists, ["x", "asked", 7], 500],
    ["b:1", lists, ["x", "told", 7], undefined],
    ["b:1", lists, ["x", "of another", 7], 600],
  ]);
});

Deno.test("what expires while the owner is not known is dropped at the next tick, or when it is found", () => {
  const { router, sent, lost, time, route } = scene();
  route("late", 500);
  route("kept", 5_000);
  route("later", 900);
  time.now = 600;
  router.tick();
  assertEquals([lost, router.buffered], [[`expired ${lists}/x`], 2]);
  time.now = 950;
  router.learn(shard, "b:1", 7);
  assertEquals(sent, [["b:1", lists, ["x", "kept", 7], 5_000]]);
  assertEquals([lost.length, router.buffered], [2, 0]);
});

Deno.test("a message that comes back is sent again with its deadline", () => {
  const { router, sent, lost, time } = scene();
  router.learn(shard, "b:1", 7);
  router.returned(shard, "x", new SentMessage(undefined, "returned", 800), 9);
  time.now = 100;
  router.learn(shard, "c:1", 9);
  assertEquals(sent.splice(0), [["c:1", lists, ["x", "returned", 9], 800]]);
  router.undelivered("b:1", ["x", "unread", 7], 700);
  router.undelivered("b:1", ["x", "unread and late", 7], 90);
  assertEquals(sent, [["c:1", lists, ["x", "unread", 9], 700]]);
  assertEquals(lost, [`expired ${lists}/x`]);
});

Deno.test("a message that is returned to its sender takes its deadline with it", () => {
  const { router, sent } = scene();
  router.learn(shard, "b:1", 7);
  router.receive("x", new SentMessage(undefined, "of a client", 400), 5, "client:1");
  const returned = { type: "returned", shardType: "lists", shard, owner: "b:1", incarnation: 0 };
  const message = { ...returned, epoch: 7, entityId: "x", message: "of a client" };
  assertEquals(sent.splice(0), [["client:1", clientShardsPath, message, 400]]);
  answerWithoutRegion((...all) => void sent.push(all), "b:1", "lists", ["x", "m", 3], 300);
  const none = { type: "noRegion", shardType: "lists", epoch: 3, entityId: "x", message: "m" };
  assertEquals(sent, [["b:1", shardingPath, none, 300]]);
});
