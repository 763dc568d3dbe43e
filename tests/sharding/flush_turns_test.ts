/** Messages that waited for the place of a shard go out in turns of the event loop, in order. */
import { assert, assertEquals } from "@std/assert";
import type { LocalRegion } from "../../lib/sharding/routing/local_region.ts";
import { flushedBytes } from "../../lib/sharding/routing/flush_turns.ts";
import { regionPath, shardingPath } from "../../lib/sharding/routing/protocol.ts";
import { shardOf } from "../../lib/sharding/routing/shard_hash.ts";
import { ShardRouter } from "../../lib/sharding/routing/shard_router.ts";

const numShards = 10;
const path = regionPath("lists");
/** Ids of different shards. */
const ids = ["a", "b", "c"];
const shards = ids.map((id) => shardOf(id, numShards));
const [shard] = shards as [number];
assertEquals(new Set(shards).size, ids.length);

/** A router, what it has sent, and its turns. */
function scene(region?: LocalRegion) {
  const sent: unknown[] = [];
  const lost: string[] = [];
  const tasks: (() => void)[] = [];
  const router = new ShardRouter({
    shardType: "lists",
    numShards,
    port: {
      self: "self:1",
      now: () => 0,
      yield: (task) => void tasks.push(task),
      send: (to, at, message) => {
        const name = at === path
          ? nameOf(message as readonly unknown[])
          : `${at} ${typeOf(message)}`;
        sent.push(`${name} to ${to}`);
      },
      deadLetter: (reason, target) => void lost.push(`${reason} ${target}`),
    },
    locate: () => {},
    ...(region && { region }),
  });
  /** What the next turn sends. */
  const turn = () => {
    const before = sent.length;
    for (const task of tasks.splice(0)) task();
    return sent.slice(before);
  };
  return { router, sent, lost, tasks, turn };
}

const typeOf = (message: unknown) => (message as { type?: string }).type;

function nameOf([first, message]: readonly unknown[]): unknown {
  return typeof first === "number" ? "marker" : (message as readonly unknown[])[0];
}

/** A message of about 160,000 bytes. */
const large = (name: string) => [name, new Array(20_000).fill(1)];

Deno.test("at most one large message that waited goes out in a turn, whatever its shard", () => {
  const { router, sent, turn, tasks } = scene();
  for (const id of ids) {
    router.route(id, large(`${id}1`));
    router.route(id, large(`${id}2`));
  }
  // One message tells where all shards are.
  for (const one of shards) router.learn(one, "n:1", 1);
  assertEquals(sent, ["a1 to n:1"]);
  assertEquals(turn(), ["a2 to n:1"]);
  assertEquals(turn(), ["b1 to n:1"]);
  assertEquals(turn(), ["b2 to n:1"]);
  assertEquals(turn(), ["c1 to n:1"]);
  assertEquals(turn(), ["c2 to n:1"]);
  assertEquals(router.buffered, 0);
  turn();
  assertEquals(tasks.length, 0);
});

Deno.test("a new message waits behind those that wait for a turn", () => {
  const { router, turn } = scene();
  router.route("a", large("1"));
  router.route("a", large("2"));
  router.learn(shard, "n:1", 1);
  router.route("a", ["3"]);
  router.receive("a", ["4"], 1, "m:1");
  assertEquals(turn(), ["2 to n:1"]);
  assertEquals(turn(), ["3 to n:1", "4 to n:1"]);
  router.route("a", ["5"]);
  turn();
  assertEquals(router.buffered, 0);
});

Deno.test("small messages that waited go out in one turn", () => {
  const { router, sent } = scene();
  for (let index = 0; index < 500; index++) router.route("a", [index]);
  router.learn(shard, "n:1", 1);
  assertEquals(sent.length, 500);
});

Deno.test("a shard that moves between two turns gets the rest behind the flush marker", () => {
  const { router, sent, turn } = scene();
  for (const name of ["1", "2", "3"]) router.route("a", large(name));
  router.learn(shard, "n:1", 1);
  router.learn(shard, "m:1", 2);
  assertEquals(sent, ["1 to n:1", "marker to n:1"]);
  assertEquals(turn(), []);
  router.drained(shard, 2);
  assertEquals([...turn(), ...turn()], ["3 to m:1"]);
  assertEquals(sent.slice(2), ["2 to m:1", "3 to m:1"]);
});

Deno.test("a marker of another node is confirmed behind what waits for a turn", () => {
  const given: unknown[] = [];
  const region: LocalRegion = {
    deliver: (_shard, _id, message) => given.push((message as unknown[])[0]) > 0,
    wouldStart: () => false,
    epochOf: () => 1,
    hasHeld: () => true,
    fence: () => {},
  };
  const { router, turn } = scene(region);
  router.route("a", large("1"));
  router.route("a", large("2"));
  router.learn(shard, "self:1", 1);
  router.receiveMarker([shard, 1, "self:1", "m:1", 1]);
  assertEquals(given, ["1"]);
  assertEquals([...turn(), ...turn()], [`${shardingPath} drained to m:1`]);
  assertEquals(given, ["1", "2"]);
});

Deno.test("what a region refuses in a turn stays before the messages behind it", () => {
  let open = false;
  const given: unknown[] = [];
  const region: LocalRegion = {
    deliver: (_shard, _id, message) => open && given.push((message as unknown[])[0]) > 0,
    wouldStart: () => false,
    epochOf: () => 0,
    hasHeld: () => true,
    fence: () => {},
  };
  const { router, turn } = scene(region);
  for (const name of ["1", "2", "3"]) router.route("a", large(name));
  router.learn(shard, "self:1", 1);
  assertEquals(router.buffered, 3);
  turn();
  open = true;
  router.learn(shard, "self:1", 2);
  for (let count = 0; count < 3; count++) turn();
  assertEquals(given, ["1", "2", "3"]);
});

Deno.test("no message of this system is lost because others wait for a turn", () => {
  const { router, sent, lost, turn } = scene();
  router.route("a", large("1"));
  router.route("a", large("2"));
  router.learn(shard, "n:1", 1);
  // More than may wait for a shard, and then more bytes than may wait.
  const count = 2_000;
  for (let index = 0; index < count; index++) router.route("a", [index, new Uint8Array(8_192)]);
  while (router.buffered > 0) turn();
  assertEquals(lost, []);
  assertEquals(sent.length, count + 2);
  assertEquals(sent.slice(2), Array.from({ length: count }, (_, index) => `${index} to n:1`));
  assert(count * 8_192 > 8_388_608 && flushedBytes < 8_388_608);
});
