import { assertEquals } from "@std/assert";
import { answerWithoutRegion } from "../../lib/sharding/region/no_region.ts";
import {
  clientShardsPath,
  parseShardingMessage,
  shardingPath,
} from "../../lib/sharding/routing/protocol.ts";
import type { LocalRegion } from "../../lib/sharding/routing/local_region.ts";
import { shardOf } from "../../lib/sharding/routing/shard_hash.ts";
import { ShardRouter } from "../../lib/sharding/routing/shard_router.ts";

const shard = shardOf("x", 10);

/** A router, and its effects. */
function scene(self: string, region?: LocalRegion) {
  const time = { now: 0 };
  const sent: [to: string, path: string, message: unknown][] = [];
  const lost: string[] = [];
  const asked: number[] = [];
  const router = new ShardRouter({
    shardType: "lists",
    numShards: 10,
    port: {
      self,
      now: () => time.now,
      send: (to, path, message) => void sent.push([to, path, message]),
      deadLetter: (reason, target) => void lost.push(`${reason} ${target}`),
    },
    locate: (shard) => void asked.push(shard),
    ...(region && { region }),
  });
  return { router, sent, lost, asked, time };
}

/** The region of a node that had a grant of the shard, and has given it up. */
const movedAway: LocalRegion = {
  deliver: () => false,
  wouldStart: () => false,
  epochOf: () => 0,
  hasHeld: (_shard, epoch) => epoch <= 7,
  fence: () => {},
};

const about = { shardType: "lists", shard, epoch: 8, owner: "", incarnation: 0, entityId: "x" };
const returned = { type: "returned" as const, ...about };

Deno.test("a node that closes returns what waits to its senders, and counts its own as dead letters", () => {
  const { router, sent, lost } = scene("a", movedAway);
  router.receive("x", "of a client", 7, "client:1");
  router.receive("x", "of a node", 7, "d:1");
  router.receiveMarker([shard, 9, "c:1", "d:1", 7]);
  router.route("x", "of this node");
  assertEquals(sent, []);
  router.close();
  const drained = { type: "drained", shardType: "lists", shard, epoch: 9 };
  assertEquals(sent, [
    ["client:1", clientShardsPath, { ...returned, message: "of a client" }],
    ["d:1", shardingPath, { ...returned, message: "of a node" }],
    ["d:1", shardingPath, drained],
  ]);
  assertEquals(parseShardingMessage({ ...returned, message: 1 }), { ...returned, message: 1 });
  assertEquals(lost, ["noShardOwner /_region-lists/x"]);
  assertEquals(router.buffered, 0);
});

Deno.test("a node that closes sends what waits to the next owner, if it is known", () => {
  const { router, sent, lost } = scene("a", movedAway);
  router.learn(shard, "b", 8, 3);
  router.learn(shard, "c", 9, 4);
  router.route("x", "of this node");
  router.close();
  // Behind the marker to the old owner.
  assertEquals(sent.slice(1), [["c", "/_region-lists", ["x", "of this node", 9]]]);
  assertEquals(lost, []);
});

Deno.test("what arrives at a node that has closed goes on or back at once", () => {
  const { router, sent, lost } = scene("a", { ...movedAway, deliver: () => true });
  router.close();
  router.receive("x", "of a client", 7, "client:1");
  router.receive("x", "of a node", 7, "d:1");
  router.receiveMarker([shard, 9, "c:1", "d:1", 7]);
  router.learn(shard, "b", 9, 4);
  router.receive("x", "of a client", 7, "client:1");
  router.receive("x", "of a node", 7, "d:1");
  router.route("x", "of this node");
  const to = { epoch: 9, owner: "b", incarnation: 4 };
  assertEquals(sent, [
    ["client:1", clientShardsPath, { ...returned, message: "of a client" }],
    ["d:1", shardingPath, { ...returned, message: "of a node" }],
    ["d:1", shardingPath, { type: "drained", shardType: "lists", shard, epoch: 9 }],
    ["client:1", clientShardsPath, { ...returned, ...to, message: "of a client" }],
    ["b", "/_region-lists", ["x", "of a node", 9]],
    ["b", "/_region-lists", ["x", "of this node", 9]],
  ]);
  assertEquals(lost, []);
});

Deno.test("what is for an earlier incarnation of a node goes back at once", () => {
  const { router, sent, asked } = scene("a", { ...movedAway, hasHeld: () => false });
  router.receive("x", "of a client", 7, "client:1");
  router.receive("x", "of a node", 7, "d:1");
  assertEquals(sent, [
    ["client:1", clientShardsPath, { ...returned, message: "of a client" }],
    ["d:1", shardingPath, { ...returned, message: "of a node" }],
  ]);
  assertEquals([asked, router.buffered], [[], 0]);
});

Deno.test("what a node has not read is sent again in order, before newer messages", () => {
  const { router, sent, asked, time } = scene("client:1");
  router.learn(shard, "a", 7, 1);
  for (const message of ["one", "two", "three"]) router.route("x", message);
  const unread = sent.splice(0).slice(1).map(([, , value]) => value);
  assertEquals(unread.map((value) => router.undelivered("a", value)), [true, true]);
  router.route("x", "four");
  assertEquals([sent.length, asked], [0, [shard]]);
  // Somebody who has not heard of it yet.
  router.learn(shard, "a", 7, 1);
  assertEquals(sent, []);
  router.learn(shard, "b", 8, 1);
  const all = () => sent.splice(0).map(([to, , value]) => [to, (value as unknown[])[1]]);
  assertEquals(all(), [["b", "two"], ["b", "three"], ["b", "four"]]);
  // A newer owner is known already.
  assertEquals(router.undelivered("a", ["x", "late", 7]), true);
  assertEquals(all(), [["b", "late"]]);
  // The same owner, found again, cannot be reached either.
  assertEquals(router.undelivered("b", ["x", "five", 8]), true);
  time.now += 1_000;
  router.learn(shard, "b", 8, 1);
  assertEquals(all(), [["b", "five"]]);
  assertEquals(router.undelivered("b", ["x", "five", 8]), false);
});

Deno.test("a flush marker that was not read ends the wait behind the messages before it", () => {
  const { router, sent } = scene("d:1");
  router.learn(shard, "a", 7, 1);
  router.route("x", "one");
  router.learn(shard, "b", 8, 1);
  router.route("x", "two");
  const [one, marker] = sent.splice(0).map(([, , value]) => value);
  assertEquals(router.undelivered("a", one), true);
  assertEquals(sent, []);
  assertEquals(router.undelivered("a", marker), true);
  assertEquals(sent, [
    ["b", "/_region-lists", ["x", "one", 8]],
    ["b", "/_region-lists", ["x", "two", 8]],
  ]);
});

Deno.test("a forwarded marker that was not read stays behind the messages before it", () => {
  const { router, sent } = scene("d:1", movedAway);
  router.undelivered("a", ["x", "of c", 7]);
  router.undelivered("a", [shard, 8, "b", "c:1", 7]);
  router.learn(shard, "b", 8, 1);
  assertEquals(sent.map(([to, , value]) => [to, value]), [
    ["b", ["x", "of c", 8]],
    ["b", [shard, 8, "b", "c:1", 8]],
  ]);
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
    answerWithoutRegion(
      (to, path, message) => {
        sent.push([to, path, message]);
      },
      from,
      "lists",
      value,
    );
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
