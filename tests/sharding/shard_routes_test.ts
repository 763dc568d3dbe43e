import { assertEquals } from "@std/assert";
import { ShardRoutes } from "../../lib/sharding/routing/shard_routes.ts";

Deno.test("a newer grant replaces an older one, never the reverse", () => {
  const routes = new ShardRoutes<string>(10);
  assertEquals(routes.learn(3, "a", 5, 0), "taken");
  assertEquals(routes.learn(3, "b", 4, 0), "known");
  assertEquals(routes.ownerOf(3), "a");
  assertEquals(routes.learn(3, "b", 6, 0), { via: "a" });
  assertEquals(routes.ownerOf(3), "b");
  assertEquals(routes.lastEpoch, 6);
  assertEquals(routes.learn(10, "a", 1, 0), "known");
});

Deno.test("what a node has told that is gone ends with an earlier grant of the coordinator", () => {
  const routes = new ShardRoutes<string>(10);
  const present = (...nodes: string[]) => new Map(nodes.map((node) => [node, 1]));
  routes.retainOwners(present("a", "b", "c"), 0);
  // The owner says that the shard has moved, and by a grant that there may have been.
  assertEquals(routes.learn(3, "a", 5, 0, 1), "taken");
  assertEquals(routes.learn(3, "b", 9, 0, 1, "a"), { via: "a" });
  assertEquals(routes.learn(3, "c", 6, 0, 1), "known");
  assertEquals(routes.learn(4, "b", 9, 0, 1, "a"), "taken");
  assertEquals(routes.learn(4, "b", 9, 0, 1), "known");
  routes.retainOwners(present("b", "c"), 0);
  assertEquals(routes.learn(3, "c", 6, 0, 1, "b"), "known");
  assertEquals(routes.learn(3, "c", 6, 0, 1), "taken");
  assertEquals(routes.ownerOf(3), "c");
  // The coordinator has confirmed it: what it said before comes late.
  assertEquals(routes.learn(4, "c", 6, 0, 1), "known");
  assertEquals(routes.ownerOf(4), "b");
});

Deno.test("a new route is used only when the messages of the old one have arrived", () => {
  const routes = new ShardRoutes<string>(10);
  routes.learn(3, "a", 5, 0);
  routes.learn(3, "b", 6, 0);
  assertEquals(routes.grantOf(3), undefined);
  assertEquals(routes.buffer(3, "one", 0), "wait");
  assertEquals(routes.wanted(), []);
  assertEquals(routes.flushed(3, 5), false);
  // The shard has moved again: the marker of the last move counts.
  assertEquals(routes.learn(3, "c", 7, 1), { via: "a" });
  assertEquals(routes.flushed(3, 6), false);
  assertEquals(routes.flushed(3, 7), true);
  assertEquals(routes.grantOf(3), { owner: "c", incarnation: 0, epoch: 7 });
  assertEquals(routes.takeBuffered(3), ["one"]);
});

Deno.test("a grant ends with the incarnation that had it", () => {
  const routes = new ShardRoutes<string>(10);
  routes.retainOwners(new Map([["a", 1], ["b", 1]]), 0);
  for (const shard of [1, 2]) routes.learn(shard, "a", shard, 0, 1);
  routes.learn(3, "b", 3, 0);
  // Not in the view yet: the location of a later incarnation arrives before.
  routes.learn(4, "a", 4, 0, 2);
  routes.retainOwners(new Map([["a", 2], ["b", 2]]), 0);
  const owners = [1, 2, 3, 4].map((shard) => routes.ownerOf(shard) ?? "none");
  assertEquals(owners, ["none", "none", "none", "a"]);
  assertEquals(routes.learn(1, "a", 9, 0, 1), "known");
  assertEquals(routes.learn(1, "a", 9, 0, 2), "taken");
});

Deno.test("a route through an earlier incarnation is not waited for", () => {
  const routes = new ShardRoutes<string>(10);
  routes.retainOwners(new Map([["a", 1], ["b", 1]]), 0);
  routes.learn(3, "a", 5, 0);
  assertEquals(routes.learn(3, "b", 6, 0), { via: "a" });
  assertEquals(routes.retainOwners(new Map([["a", 2], ["b", 1]]), 0), [3]);
});

Deno.test("a forgotten grant is not replaced by an earlier one, for a while", () => {
  const routes = new ShardRoutes<string>(10);
  routes.learn(3, "a", 7, 0);
  routes.retainOwners(new Map([["b", 1]]), 0);
  assertEquals(routes.learn(3, "b", 6, 9_999), "known");
  assertEquals(routes.learn(3, "b", 7, 9_999), "taken");
  routes.forget(3, 9_999);
  assertEquals(routes.learn(3, "b", 6, 19_998), "known");
  // Or at once, if the cluster may be another.
  routes.reset();
  assertEquals(routes.learn(3, "b", 1, 19_998), "taken");
});

Deno.test("a grant by which a message was not delivered is not used again for a while", () => {
  const routes = new ShardRoutes<string>(10);
  routes.learn(3, "a", 7, 0);
  assertEquals(routes.refute(3, 7, 0), true);
  routes.forget(3, 0);
  assertEquals(routes.learn(3, "a", 7, 10), "known");
  // What was sent together with the first message.
  assertEquals(routes.refute(3, 7, 10), true);
  assertEquals(routes.learn(3, "a", 7, 1_000), "taken");
  // It was in vain.
  assertEquals(routes.refute(3, 7, 1_001), false);
  assertEquals(routes.learn(3, "b", 8, 1_002), { via: "a" });
});

Deno.test("a new route is used when the node of the old one is gone, or after a timeout", () => {
  const routes = new ShardRoutes<string>(10);
  for (const shard of [3, 4]) {
    routes.learn(shard, "a", 5, 0);
    routes.learn(shard, "b", 6, 100 * shard);
  }
  assertEquals(routes.takeStalled(299), []);
  assertEquals(routes.takeStalled(300), [3]);
  assertEquals(routes.grantOf(3)?.owner, "b");
  assertEquals(routes.retainOwners(new Map([["b", 0]]), 1_000), [4]);
  assertEquals(routes.grantOf(4)?.owner, "b");
});

Deno.test("the first message has its shard located, later ones wait, and all are flushed in order", () => {
  const routes = new ShardRoutes<string>(10);
  assertEquals(routes.buffer(3, "one", 0), "locate");
  assertEquals(routes.buffer(3, "two", 1), "wait");
  assertEquals(routes.buffer(4, "other", 1), "locate");
  assertEquals(routes.wanted(), [3, 4]);
  assertEquals(routes.takeBuffered(3), ["one", "two"]);
  assertEquals(routes.takeBuffered(3), []);
});

Deno.test("a full buffer rejects messages, and those that waited too long expire", () => {
  const routes = new ShardRoutes<string>(10, { maxBufferedPerShard: 2, maxBufferedTime: 100 });
  routes.buffer(3, "one", 0);
  routes.buffer(3, "two", 50);
  assertEquals(routes.buffer(3, "three", 60), "full");
  assertEquals(routes.takeExpired(99), []);
  assertEquals(routes.takeExpired(100), ["one"]);
  assertEquals(routes.takeExpired(150), ["two"]);
  assertEquals(routes.wanted(), []);
});

Deno.test("all shards of a type share one bound of messages", () => {
  const routes = new ShardRoutes<string>(10, { maxBuffered: 3, maxBufferedTime: 100 });
  assertEquals(routes.buffer(1, "one", 0), "locate");
  assertEquals(routes.buffer(2, "two", 0), "locate");
  assertEquals(routes.buffer(2, "three", 50), "wait");
  assertEquals(routes.buffer(1, "four", 60), "full");
  assertEquals(routes.takeBuffered(1), ["one"]);
  assertEquals(routes.buffer(3, "five", 60), "locate");
  assertEquals(routes.takeExpired(100), ["two"]);
  assertEquals(routes.buffer(1, "six", 100), "locate");
});

Deno.test("all shards of a type share one bound of bytes", () => {
  const routes = new ShardRoutes<string>(10, { maxBufferedBytes: 100, maxBufferedTime: 100 });
  assertEquals(routes.buffer(1, "one", 0, { size: 60 }), "locate");
  assertEquals(routes.buffer(2, "two", 0, { size: 41 }), "full");
  assertEquals(routes.buffer(2, "two", 0, { size: 40 }), "locate");
  routes.takeBuffered(1);
  assertEquals(routes.buffer(3, "three", 0, { size: 60 }), "locate");
  routes.takeExpired(100);
  assertEquals(routes.buffer(3, "four", 0, { size: 100 }), "locate");
});

Deno.test("shards of absent nodes are forgotten", () => {
  const routes = new ShardRoutes<string>(10);
  routes.learn(1, "a", 1, 0);
  routes.learn(2, "b", 2, 0);
  assertEquals(routes.retainOwners(new Map([["b", 0]]), 1_000), []);
  assertEquals([routes.ownerOf(1), routes.ownerOf(2)], [undefined, "b"]);
});
