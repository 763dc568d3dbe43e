import { assertEquals } from "@std/assert";
import { ShardRoutes } from "../../lib/sharding/shard_routes.ts";

Deno.test("a newer grant replaces an older, never the other way round", () => {
  const routes = new ShardRoutes<string>(10);
  assertEquals(routes.learn(3, "a", 5), true);
  assertEquals(routes.learn(3, "b", 4), false);
  assertEquals(routes.ownerOf(3), "a");
  assertEquals(routes.learn(3, "b", 6), true);
  assertEquals(routes.ownerOf(3), "b");
  assertEquals(routes.lastEpoch, 6);
  assertEquals(routes.learn(10, "a", 1), false);
});

Deno.test("the first message asks, later ones wait, and all come out in order", () => {
  const routes = new ShardRoutes<string>(10);
  assertEquals(routes.buffer(3, "one", 0), "ask");
  assertEquals(routes.buffer(3, "two", 1), "wait");
  assertEquals(routes.buffer(4, "other", 1), "ask");
  assertEquals(routes.wanted(), [3, 4]);
  assertEquals(routes.takeBuffered(3), ["one", "two"]);
  assertEquals(routes.takeBuffered(3), []);
});

Deno.test("a full buffer refuses, and messages that waited too long come out", () => {
  const routes = new ShardRoutes<string>(10, { maxBufferedPerShard: 2, maxBufferedTime: 100 });
  routes.buffer(3, "one", 0);
  routes.buffer(3, "two", 50);
  assertEquals(routes.buffer(3, "three", 60), "full");
  assertEquals(routes.takeExpired(99), []);
  assertEquals(routes.takeExpired(100), ["one"]);
  assertEquals(routes.takeExpired(150), ["two"]);
  assertEquals(routes.wanted(), []);
});

Deno.test("shards of absent nodes are forgotten", () => {
  const routes = new ShardRoutes<string>(10);
  routes.learn(1, "a", 1);
  routes.learn(2, "b", 2);
  routes.retainOwners(new Set(["b"]));
  assertEquals([routes.ownerOf(1), routes.ownerOf(2)], [undefined, "b"]);
});
