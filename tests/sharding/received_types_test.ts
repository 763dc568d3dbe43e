import { assert, assertEquals } from "@std/assert";
import { ReceivedTypes } from "../../lib/sharding/routing/received_types.ts";
import { ShardRouter } from "../../lib/sharding/routing/shard_router.ts";
import type { ShardingPort } from "../../lib/sharding/routing/sharding_port.ts";

class Scene {
  now = 0;
  readonly lost: string[] = [];
  readonly sent: string[] = [];
  readonly located: string[] = [];
  readonly known = new Map<string, ShardRouter>();
  readonly port: ShardingPort = {
    self: "a:1",
    now: () => this.now,
    send: (to, path, message) => void this.sent.push(`${to} ${path} ${message}`),
    deadLetter: (reason, target) => void this.lost.push(`${reason} ${target}`),
  };
  readonly types = new ReceivedTypes({
    known: (shardType) => this.known.get(shardType),
    makeRouter: (shardType, numShards, limits) =>
      new ShardRouter({
        shardType,
        numShards,
        limits,
        port: this.port,
        locate: (shard) => void this.located.push(`${shardType} ${shard}`),
      }),
    deadLetter: this.port.deadLetter,
  });
}

Deno.test("a reference to an unknown type costs nothing before something is sent to it", () => {
  const scene = new Scene();
  for (let index = 0; index < 100_000; index++) scene.types.routes(`type-${index}`, 65_536, "evil");
  assertEquals([scene.types.size, scene.located], [0, []]);
});

Deno.test("the first message requests a location, and waits for it", () => {
  const scene = new Scene();
  scene.types.routes("carts", 1, "peer").route("alice", "hello");
  assertEquals([scene.types.size, scene.located], [1, ["carts 0"]]);
  scene.types.tick();
  assertEquals(scene.located.length, 2);
  const router = scene.types.take("carts", 1)!;
  router.learn(0, "b:1", 1);
  assertEquals(scene.sent, ["b:1 /_region-carts alice,hello,1"]);
  assertEquals(scene.types.size, 0);
});

Deno.test("a type that has become known is used by references that arrived before", () => {
  const scene = new Scene();
  const before = scene.types.routes("carts", 7, "peer");
  const router = new ShardRouter({
    shardType: "carts",
    numShards: 1,
    port: scene.port,
    locate: () => {},
  });
  router.learn(0, "b:1", 1);
  scene.known.set("carts", router);
  before.route("alice", "hello");
  assertEquals(scene.sent, ["b:1 /_region-carts alice,hello,1"]);
  assert(scene.types.routes("carts", 9, "peer") === router);
});

Deno.test("a forged number of shards is not in the way of the right one", () => {
  const scene = new Scene();
  scene.types.routes("carts", 7, "evil").route("alice", "forged");
  scene.types.routes("carts", 1, "peer").route("alice", "right");
  assertEquals(scene.types.size, 2);
  scene.types.refuse({ type: "refused", shardType: "carts", numShards: 7, reason: "no" });
  assertEquals(scene.lost, ["noShardOwner /_region-carts/alice"]);
  scene.types.take("carts", 1)!.learn(0, "b:1", 1);
  assertEquals(scene.sent, ["b:1 /_region-carts alice,right,1"]);
});

Deno.test("one account can make 16 unknown types wait, and others still can", () => {
  const scene = new Scene();
  for (let index = 0; index < 1_000; index++) {
    scene.types.routes(`type-${index}`, 16, "evil").route("x", "forged");
  }
  assertEquals([scene.types.size, scene.lost.length], [16, 984]);
  assertEquals(scene.lost[0], "noShardOwner /_region-type-16/x");
  scene.types.routes("carts", 16, "peer").route("alice", "hello");
  assertEquals(scene.types.size, 17);
  // What waits for a type that nobody runs is lost in the end, and the account may try others.
  scene.now = 10_000;
  scene.types.tick();
  assertEquals([scene.types.size, scene.lost.length], [0, 1_001]);
  scene.types.routes("type-17", 16, "evil").route("x", "forged");
  assertEquals(scene.types.size, 1);
});

Deno.test("little waits for a type that was never located", () => {
  const scene = new Scene();
  const routes = scene.types.routes("carts", 1, "evil");
  for (let index = 0; index < 3_000; index++) routes.route("x", "forged");
  assertEquals(scene.lost.length, 2_000);
  const large = scene.types.routes("files", 4, "evil");
  for (let index = 0; index < 100; index++) large.route(`x-${index}`, "x".repeat(100_000));
  assert(scene.lost.length >= 2_080);
});

Deno.test("after the end nothing waits any more", () => {
  const scene = new Scene();
  const routes = scene.types.routes("carts", 1, "peer");
  routes.route("alice", "hello");
  scene.types.close();
  assertEquals(scene.lost, ["noShardOwner /_region-carts/alice"]);
  routes.route("alice", "hello");
  assertEquals([scene.types.size, scene.lost.length], [0, 2]);
});
