import type { CoordinationMessage } from "../../lib/sharding/coordinator/coordination_protocol.ts";
import { assertEquals } from "@std/assert";
import type { CoordinatorView } from "../../lib/sharding/coordinator/coordinator_view.ts";
import { shardingPath } from "../../lib/sharding/routing/protocol.ts";
import { Region, type ShardRunner } from "../../lib/sharding/region/region.ts";
import { ShardingMachine } from "../../lib/sharding/sharding_machine.ts";
import type { Term } from "../../lib/sharding/routing/term.ts";

/** A runner that stops a shard when the test says so. */
class Host implements ShardRunner {
  readonly log: string[] = [];
  readonly stopping: (() => void)[] = [];

  startShard(shard: number): void {
    this.log.push(`start ${shard}`);
  }

  renewShard(shard: number, epoch: number): void {
    this.log.push(`renew ${shard} ${epoch}`);
  }

  deliver(shard: number, entityId: string): void {
    this.log.push(`deliver ${shard} ${entityId}`);
  }

  stopShard(shard: number, how: string, done: () => void): void {
    this.log.push(`stop ${shard} ${how}`);
    this.stopping.push(done);
  }
}

Deno.test("a shard that is handed off takes no messages, and ends when its entities have stopped", () => {
  const host = new Host();
  const region = new Region(host);
  let confirmed = 0;
  assertEquals(region.own(3, 5), "running");
  assertEquals(region.deliver(3, "a", 1), true);
  assertEquals(region.handOff(3, 5, () => confirmed++), "stopping");
  assertEquals(region.deliver(3, "a", 2), false);
  assertEquals(region.grants(), [[3, 5, 1]]);
  // A repeated hand-off changes nothing.
  assertEquals(region.handOff(3, 5, () => confirmed++), "stopping");
  assertEquals(region.own(3, 5), "stopping");
  host.stopping[0]!();
  assertEquals([confirmed, region.size], [1, 0]);
  assertEquals(host.log, ["start 3", "deliver 3 a", "stop 3 inTurn"]);
});

Deno.test("a grant that has ended is never taken again, and confirmed as stopped again", () => {
  const host = new Host();
  const region = new Region(host);
  region.own(3, 5);
  region.handOff(3, 5, () => {});
  host.stopping[0]!();
  assertEquals(region.own(3, 5), "stopped");
  assertEquals(region.handOff(3, 5, () => {}), "stopped");
  assertEquals(region.own(3, 6), "running");
});

Deno.test("a newer grant for the owner renews the shard, whose entities see its epoch", () => {
  const host = new Host();
  const region = new Region(host);
  region.own(3, 5);
  region.own(3, 5);
  region.own(3, 7);
  assertEquals(host.log, ["start 3", "renew 3 7"]);
});

Deno.test("a hand-off that overtakes the grant ends it before it starts", () => {
  const region = new Region(new Host());
  assertEquals(region.handOff(3, 5, () => {}), "stopped");
  assertEquals(region.own(3, 5), "stopped");
  assertEquals(region.own(3, 6), "running");
});

Deno.test("a fenced owner stops its entities at once; an older fence has no effect", () => {
  const host = new Host();
  const region = new Region(host);
  region.own(3, 5);
  region.fence(3, 5);
  assertEquals(region.epochOf(3), 5);
  region.fence(3, 6);
  assertEquals(region.epochOf(3), 0);
  assertEquals(host.log, ["start 3", "stop 3 now"]);
  assertEquals(region.own(3, 5), "stopped");
});

/** Node `b` of three, with a region of `lists`; `see` changes the leader and its incarnation. */
function nodeUnderOrders() {
  const sent: CoordinationMessage[] = [];
  const node = new ShardingMachine({
    self: "b",
    now: () => 0,
    wallTime: () => 0,
    onLease: () => {},
    send: (_to, path, message) => {
      if (path === shardingPath) sent.push(message as CoordinationMessage);
    },
    deadLetter: () => {},
    publish: () => {},
    log: () => {},
    onAnswer: () => {},
  });
  const host = new Host();
  node.add({ shardType: "lists", numShards: 10, runner: host });
  const see = (leader: string, incarnation = 1) => {
    const members = ["a", "b", "c"].map((address) => ({
      address,
      incarnation,
      eligible: true,
      joining: false,
      full: true,
      upNumber: address.charCodeAt(0) - 96,
      unreachable: undefined,
      roles: [],
      appVersion: undefined,
    }));
    const view: CoordinatorView = { self: "b", leader, members };
    node.onView(view);
  };
  const order = (from: string, term: Term, shard: number, incarnation = 1) =>
    node.receive(from, {
      type: "startShard",
      term,
      config: 1,
      incarnation,
      shardType: "lists",
      shard,
      epoch: 1,
    });
  node.open("lists");
  return { node, host, sent, see, order };
}

Deno.test("a grant is for one incarnation of a node", () => {
  const { node, host, see, order } = nodeUnderOrders();
  see("a", 2);
  node.receive("a", { type: "requestReport", term: [1, "a"] });
  order("a", [1, "a"], 1, 1);
  assertEquals(host.log, []);
  order("a", [1, "a"], 1, 2);
  assertEquals(host.log, ["start 1"]);
});

Deno.test("a node obeys only the leader that it sees, in the term that it has acknowledged", () => {
  const { node, host, sent, see, order } = nodeUnderOrders();
  see("a");
  node.receive("a", { type: "requestReport", term: [1, "a"] });
  order("a", [1, "a"], 1);
  assertEquals(host.log, ["start 1"]);
  order("c", [1, "a"], 2);
  see("c");
  node.receive("c", { type: "requestReport", term: [2, "c"] });
  // It sees another leader; the acknowledged term stays.
  see("a");
  order("a", [1, "a"], 3);
  assertEquals(host.log, ["start 1"]);
  sent.length = 0;
  node.receive("a", { type: "requestReport", term: [1, "a"] });
  assertEquals(sent, [{ type: "outdatedTerm", term: [2, "c"] }]);
  node.receive("a", { type: "requestReport", term: [3, "a"] });
  order("a", [3, "a"], 3);
  assertEquals(host.log, ["start 1", "start 3"]);
});
