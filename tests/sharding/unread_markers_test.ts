/** Markers and messages that come back at once, because their owner is not reached, are not sent forever. */
import { assert, assertEquals } from "@std/assert";
import type { LocalRegion } from "../../lib/sharding/routing/local_region.ts";
import { shardingPath } from "../../lib/sharding/routing/protocol.ts";
import { shardOf } from "../../lib/sharding/routing/shard_hash.ts";
import { ShardRouter } from "../../lib/sharding/routing/shard_router.ts";

const shard = shardOf("x", 10);

/** The region of a node that had a grant of the shard, and has given it up. */
const movedAway: LocalRegion = {
  deliver: () => false,
  wouldStart: () => false,
  epochOf: () => 0,
  hasHeld: (_shard, epoch) => epoch <= 7,
  fence: () => {},
};

/** More than any of these tests may send. */
const tooMany = 100;

/**
 * A former owner of the shard. A node that is not in `reached` refuses in the sender's call: it may have
 * joined, and the coordinator may have granted it the shard, before this node has heard of it.
 */
function scene({ turns = true, locate = () => {}, hasHeld = movedAway.hasHeld }: {
  readonly turns?: boolean;
  readonly hasHeld?: LocalRegion["hasHeld"];
  readonly locate?: (router: ShardRouter) => void;
} = {}) {
  const time = { now: 0 };
  const reached = new Set(["c:1"]);
  const sent: [to: string, message: unknown][] = [];
  const lost: unknown[] = [];
  const tasks: (() => void)[] = [];
  let tries = 0;
  const router: ShardRouter = new ShardRouter({
    shardType: "lists",
    numShards: 10,
    region: { ...movedAway, hasHeld },
    port: {
      self: "self:1",
      now: () => time.now,
      ...(turns && { yield: (task: () => void) => void tasks.push(task) }),
      send: (to, path, message) => {
        if (++tries > tooMany) throw new Error(`more than ${tooMany} messages, now to ${to}`);
        if (path === shardingPath || reached.has(to)) sent.push([to, message]);
        else if (!router.undelivered(to, message)) lost.push((message as unknown[])[1]);
      },
      deadLetter: (_reason, target, message) => void lost.push([target, message]),
    },
    locate: () => locate(router),
  });
  /** Runs turns until no more follow. */
  const rest = () => {
    for (let turn = 0; tasks.length > 0; turn++) {
      assert(turn < tooMany, "the turns do not end");
      for (const task of tasks.splice(0)) task();
    }
  };
  const count = () => tries;
  return { router, sent, lost, reached, time, rest, count };
}

const drained = { type: "drained", shardType: "lists", shard, epoch: 9 };

for (const turns of [true, false]) {
  const how = turns ? "in turns" : "at once";
  Deno.test(`a marker waits for an owner that is not reached yet, ${how}`, () => {
    const { router, sent, lost, reached, time, rest, count } = scene({ turns });
    router.receive("x", "of c", 7, "c:1");
    router.receiveMarker([shard, 9, "new:1", "c:1", 7]);
    router.learn(shard, "new:1", 8);
    rest();
    assertEquals([count(), sent, router.buffered], [1, [], 2]);
    // Asked again meanwhile, the coordinator names the same one.
    router.tick();
    router.learn(shard, "new:1", 8);
    rest();
    assertEquals([count(), router.buffered], [1, 2]);
    reached.add("new:1");
    time.now += 1_000;
    router.learn(shard, "new:1", 8);
    rest();
    assertEquals(sent, [["new:1", ["x", "of c", 8]], ["new:1", [shard, 9, "new:1", "c:1", 8]]]);
    assertEquals([lost, router.buffered], [[], 0]);
  });

  Deno.test(`a marker alone waits for an owner that is not reached yet, ${how}`, () => {
    const { router, sent, reached, time, rest, count } = scene({ turns });
    router.receiveMarker([shard, 9, "new:1", "c:1", 7]);
    router.learn(shard, "new:1", 8);
    rest();
    assertEquals([count(), sent, router.buffered], [1, [], 1]);
    reached.add("new:1");
    time.now += 1_000;
    router.learn(shard, "new:1", 8);
    rest();
    assertEquals(sent, [["new:1", [shard, 9, "new:1", "c:1", 8]]]);
  });
}

Deno.test("a marker whose owner stays away is confirmed: what was before it is given up", () => {
  const { router, sent, lost, time, rest } = scene();
  router.receive("x", "of c", 7, "c:1");
  router.receiveMarker([shard, 9, "new:1", "c:1", 7]);
  for (let round = 0; round < 2; round++) {
    router.learn(shard, "new:1", 8);
    rest();
    time.now += 1_000;
  }
  assertEquals([sent, lost, router.buffered], [[["c:1", drained]], ["of c"], 0]);
});

Deno.test("a marker that comes back goes to a later owner at once, behind what waits", () => {
  const { router, sent } = scene();
  router.learn(shard, "c:1", 9);
  router.undelivered("a:1", [shard, 9, "c:1", "d:1", 8]);
  assertEquals(sent, [["c:1", [shard, 9, "c:1", "d:1", 9]]]);
});

Deno.test("a wrong epoch does not keep the grant in use by which something came back", () => {
  // The coordinator itself: it finds the shard in the same call.
  const { router, lost, time, rest, count } = scene({
    hasHeld: () => true,
    locate: (router) => router.learn(shard, "new:1", 8),
  });
  router.learn(shard, "new:1", 8);
  router.receiveMarker([shard, 9, "new:1", "c:1", 700]);
  rest();
  router.receive("x", "late", 800, "bad:1");
  router.receive("x", "later", 900, "bad:1");
  rest();
  // None names the grant, nor the same epoch as another: still they count as one.
  const before = count();
  for (let tick = 0; tick < 20; tick++) {
    time.now += 500;
    router.tick();
    rest();
  }
  assert(count() - before < 10, `${count() - before} were sent`);
  assertEquals([lost.length, router.buffered], [2, 0]);
});
