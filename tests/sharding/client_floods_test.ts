/** Limits of what one client can request about shards. */
import { assert, assertEquals } from "@std/assert";
import { ClientLocator } from "../../lib/sharding/client_locator.ts";
import type { LocateMessage } from "../../lib/sharding/routing/protocol.ts";
import type { ShardingPort } from "../../lib/sharding/routing/sharding_port.ts";
import { TokenBuckets } from "../../lib/runtime/token_buckets.ts";
import { ShardTablePublisher } from "../../lib/sharding/shard_table_publisher.ts";
import type { Peer } from "../../lib/transport/base/peer.ts";

function client(address: string, name?: string): Peer {
  return {
    role: "client",
    address,
    nodeId: "x",
    incarnation: 1,
    protocol: 1,
    remote: "",
    lane: "user",
    identity: name === undefined
      ? { kind: "plain" }
      : { kind: "client", name, hosts: [], fingerprint: "", notAfter: 0 },
  };
}

class Port implements ShardingPort {
  readonly self = "a:1";
  readonly sent: string[] = [];
  time = 1_000;
  now(): number {
    return this.time;
  }
  send(to: string, path: string): void {
    this.sent.push(to + path);
  }
  deadLetter(): void {}
}

function locate(shard: number): LocateMessage {
  return { type: "locate", shardType: "carts", numShards: 60_000, shard };
}

Deno.test("pending requests of one client are bounded, and forwarded once", () => {
  const port = new Port();
  const asked: number[] = [];
  const locator = new ClientLocator(port, () => undefined, ({ shard }) => void asked.push(shard));
  for (let shard = 0; shard < 50_000; shard++) locator.receive(client("client:bad"), locate(shard));
  assertEquals(asked.length, 1_000);
  for (let i = 0; i < 1_000; i++) locator.receive(client("client:bad"), locate(7));
  assertEquals(asked.length, 1_000, "the coordinator is not asked the same again at once");
  locator.receive(client("client:good"), locate(55_000));
  assertEquals(asked.at(-1), 55_000);
  const location = {
    type: "location" as const,
    shardType: "carts",
    owner: "b:1",
    incarnation: 1,
    epoch: 1,
  };
  locator.onLocation({ ...location, shard: 55_000 });
  assertEquals(port.sent, ["client:good/_shards"]);
  // Requests that were answered or are old make room.
  locator.onLocation({ ...location, shard: 7 });
  locator.receive(client("client:bad"), locate(2_000));
  assertEquals(asked.at(-1), 2_000);
  port.time += 10_000;
  locator.tick();
  for (let shard = 0; shard < 5_000; shard++) locator.receive(client("client:bad"), locate(shard));
  assertEquals(asked.length, 2_002);
});

Deno.test("a client that floods subscriptions gets a whole table a few times a second", () => {
  const port = new Port();
  const owner = { owner: "b:1", epoch: 3, shardType: "carts", shard: 0 };
  const known = { numShards: 10, grantOf: () => owner, incarnationOf: () => 1 };
  const followers = new ShardTablePublisher(port, () => known);
  const request = { shardType: "carts", numShards: 10, have: 0 };
  for (let i = 0; i < 1_000; i++) followers.receive(client("client:bad"), request);
  // Once as a change, once as the whole table.
  assert(port.sent.length <= 2, String(port.sent.length));
  port.sent.splice(0);
  followers.receive(client("client:good"), request);
  assertEquals(port.sent, ["client:good/_shardtable"]);
  port.time += 200;
  followers.receive(client("client:bad"), request);
  assertEquals(port.sent, ["client:good/_shardtable", "client:bad/_shardtable"]);
});

Deno.test("pending requests are bounded for one certificate, whatever addresses it uses", () => {
  const port = new Port();
  const asked: number[] = [];
  const locator = new ClientLocator(port, () => undefined, ({ shard }) => void asked.push(shard));
  for (let i = 0; i < 20_000; i++) {
    locator.receive(client(`client:bad-${i % 100}`, "mallory"), locate(i));
  }
  assertEquals(asked.length, 10_000);
  locator.receive(client("client:good", "alice"), locate(55_000));
  assertEquals(asked.at(-1), 55_000);
  port.time += 10_000;
  locator.tick();
  locator.receive(client("client:bad-1", "mallory"), locate(3));
  assertEquals(asked.at(-1), 3);
});

Deno.test("subscriptions are bounded for one certificate, whatever addresses it uses", () => {
  const port = new Port();
  const owner = { owner: "b:1", epoch: 3, shardType: "carts", shard: 0 };
  const known = { numShards: 10, grantOf: () => owner, incarnationOf: () => 1 };
  const followers = new ShardTablePublisher(port, () => known);
  const request = { shardType: "carts", numShards: 10, have: 0 };
  for (let i = 0; i < 1_500; i++) followers.receive(client(`client:${i}`, "mallory"), request);
  assertEquals(new Set(port.sent).size, 1_000);
  followers.receive(client("client:good", "alice"), request);
  assertEquals(port.sent.at(-1), "client:good/_shardtable");
  // Those that do not renew make room.
  port.time += 30_000;
  followers.tick();
  followers.receive(client("client:late", "mallory"), request);
  assertEquals(port.sent.at(-1), "client:late/_shardtable");
});

Deno.test("starts of entities are bounded for each sender, and refill", () => {
  const starts = new TokenBuckets(100);
  const started = (sender: string, now: number) => {
    let count = 0;
    while (starts.take(sender, now)) count++;
    return count;
  };
  assertEquals(started("mallory", 0), 100);
  assertEquals(started("alice", 0), 100);
  assertEquals(started("mallory", 500), 50);
  assertEquals(started("mallory", 60_000), 100);
  // The table of senders is bounded as well.
  for (let i = 0; i < 20_000; i++) assert(starts.take(`s${i}`, 60_000));
});
