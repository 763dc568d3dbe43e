import { assertEquals } from "@std/assert";
import { LostNodes } from "../../lib/sharding/routing/lost_nodes.ts";
import { regionPath } from "../../lib/sharding/routing/protocol.ts";
import { shardOf } from "../../lib/sharding/routing/shard_hash.ts";
import { ShardingMachine } from "../../lib/sharding/sharding_machine.ts";

const shardType = "lists";
const numShards = 10;
const shard = shardOf("x", numShards);

/** A node b that sends to a, which its view calls unreachable; c coordinates, and e is the next owner. */
function scene() {
  const time = { now: 0 };
  const sent: [to: string, message: unknown][] = [];
  const node = new ShardingMachine({
    self: "b",
    now: () => time.now,
    wallTime: () => time.now,
    onLease: () => {},
    send: (to, path, message) => {
      if (path === regionPath(shardType)) sent.push([to, message]);
    },
    deadLetter: () => {},
    publish: () => {},
    log: () => {},
    onAnswer: () => {},
  });
  const router = node.add({ shardType, numShards });
  const view = (isLost: boolean) => {
    const members = ["a", "b", "c", "e"].map((address, index) => ({
      address,
      incarnation: 1,
      eligible: true,
      joining: false,
      full: true,
      upNumber: index + 1,
      unreachable: isLost && address === "a" ? "silent" as const : undefined,
      roles: [],
      appVersion: undefined,
    }));
    node.onView({ self: "b", leader: "c", members });
  };
  const location = (from: string, owner: string, epoch: number) => {
    node.receive(from, { type: "location", shardType, shard, owner, incarnation: 1, epoch });
  };
  view(false);
  location("c", "a", 1);
  view(true);
  router.route("x", "first");
  sent.length = 0;
  return { node, router, sent, time, location };
}

Deno.test("messages for a moved shard wait for older ones through a node that was heard just now", () => {
  const { node, router, sent, location } = scene();
  // The former owner passes the first message on, and says so: it is not lost, whatever the view says.
  location("a", "e", 2);
  router.route("x", "second");
  assertEquals(sent, [["a", [shard, 2, "e", "", 0]]]);
  node.receive("e", { type: "drained", shardType, shard, epoch: 2 });
  assertEquals(sent.slice(1), [["e", ["x", "second", 2]]]);
  // If it is lost after that, they wait for a second more, and not for long.
  const other = scene();
  other.location("a", "e", 2);
  other.router.route("x", "second");
  other.time.now = 1_001;
  other.node.tick();
  assertEquals(other.sent.slice(1), [["e", ["x", "second", 2]]]);
});

Deno.test("messages for a moved shard do not wait for a node that is lost", () => {
  const { router, sent, location } = scene();
  location("c", "e", 2);
  router.route("x", "second");
  assertEquals(sent, [["e", ["x", "second", 2]]]);
});

Deno.test("a node is lost until it is heard, and again a second after that", () => {
  const lost = new LostNodes();
  lost.heard("a", 0);
  lost.onView(["a"]);
  assertEquals([lost.has("a", 0), lost.has("b", 0)], [true, false]);
  lost.heard("a", 500);
  lost.heard("b", 500);
  assertEquals(lost.has("a", 1_500), false);
  lost.onView(["a", "b"]);
  assertEquals([lost.has("a", 1_500), lost.has("a", 1_501), lost.has("b", 500)], [
    false,
    true,
    true,
  ]);
  lost.onView([]);
  assertEquals(lost.has("a", 2_000), false);
  lost.onView(["a"]);
  assertEquals(lost.has("a", 1_000), true);
});
