/** A wrong request of one peer fails alone: nothing that others wait for is given up. */
import { assertEquals } from "@std/assert";
import { SentMessage } from "../../lib/actor/ref/sent_message.ts";
import { ClientLocator } from "../../lib/sharding/client_locator.ts";
import { shardOf } from "../../lib/sharding/routing/shard_hash.ts";
import { ShardingMachine, type ShardingMachinePort } from "../../lib/sharding/sharding_machine.ts";
import {
  clientShardsPath,
  type LocateMessage,
  shardingPath,
} from "../../lib/sharding/routing/protocol.ts";

class Node {
  readonly sent: [to: string, path: string, message: unknown][] = [];
  readonly lost: string[] = [];
  readonly lines: string[] = [];
  readonly answers: unknown[] = [];
  readonly machine: ShardingMachine;
  constructor(self: string) {
    const port: ShardingMachinePort = {
      self,
      now: () => 0,
      wallTime: () => 0,
      onLease: () => {},
      send: (to, path, message) => void this.sent.push([to, path, message]),
      deadLetter: (reason, target) => void this.lost.push(`${reason} ${target}`),
      publish: () => {},
      log: (_level, message) => void this.lines.push(message),
      onAnswer: (message) => void this.answers.push(message),
    };
    this.machine = new ShardingMachine(port);
  }
}

Deno.test("a refusal of requests with another number of shards drops no message of others", () => {
  const node = new Node("a:1");
  const router = node.machine.add({ shardType: "carts", numShards: 16 });
  for (let i = 0; i < 20; i++) router.route(`e${i}`, i);
  node.machine.onView({ self: "a:1", leader: "b:1", members: [] });
  const about = { type: "refused", shardType: "carts", reason: "16, not 4" } as const;
  // Only the coordinator rejects a type.
  node.machine.receive("c:1", { ...about, numShards: 16 });
  node.machine.receive("b:1", { ...about, numShards: 4 });
  node.machine.receive("b:1", about);
  assertEquals([node.lost, node.lines, node.machine.buffered], [[], [], 20]);
  node.machine.receive("b:1", { ...about, numShards: 16 });
  assertEquals([node.lost.length, node.lines.length, node.machine.buffered], [20, 1, 0]);
});

Deno.test("a node refuses a request with another number of shards itself, to its sender only", () => {
  const node = new Node("a:1");
  node.machine.add({ shardType: "carts", numShards: 16 });
  const sent: [string, unknown][] = [];
  const forwarded: LocateMessage[] = [];
  const port = { self: "a:1", now: () => 0, deadLetter: () => {} };
  const locator = new ClientLocator(
    {
      ...port,
      send: (to, _path, message) => void sent.push([to, (message as { type: string }).type]),
    },
    (request) => node.machine.known(request),
    (request) => void forwarded.push(request),
  );
  const request = { type: "locate", shardType: "carts", shard: 0 };
  locator.receive({ address: "client:good" }, { ...request, numShards: 16 });
  locator.receive({ address: "client:bad" }, { ...request, numShards: 4 });
  assertEquals(forwarded.map(({ numShards }) => numShards), [16]);
  assertEquals(sent, [["client:bad", "refused"]]);
});

Deno.test("a refusal by the coordinator reaches the clients that sent such a request", () => {
  const sent: [string, unknown][] = [];
  const port = { self: "a:1", now: () => 0, deadLetter: () => {} };
  const locator = new ClientLocator(
    {
      ...port,
      send: (to, _path, message) => void sent.push([to, (message as { type: string }).type]),
    },
    () => undefined,
    () => {},
  );
  const request = { type: "locate", shardType: "carts", shard: 0 };
  locator.receive({ address: "client:good" }, { ...request, numShards: 16 });
  locator.receive({ address: "client:bad" }, { ...request, numShards: 4 });
  locator.onRefused({ type: "refused", shardType: "carts", numShards: 4, reason: "" });
  assertEquals(sent, [["client:bad", "refused"]]);
  const location = {
    type: "location",
    shardType: "carts",
    shard: 0,
    owner: "b:1",
    incarnation: 1,
    epoch: 1,
  } as const;
  locator.onLocation({ ...location, numShards: 16 });
  assertEquals(sent[1], ["client:good", "location"]);
});

Deno.test("a coordinator's refusal names the number of the request", () => {
  const node = new Node("a:1");
  const about = {
    incarnation: 1,
    eligible: true,
    joining: false,
    full: true,
    upNumber: 1,
    unreachable: undefined,
    roles: [],
    appVersion: undefined,
  };
  const members = [{ address: "a:1", ...about }];
  node.machine.onView({ self: "a:1", leader: "a:1", members });
  const regions = [{ shardType: "carts", numShards: 16, shards: [], lastEpoch: 0 }];
  // The node acknowledges its own term, and reports a type.
  for (let at = 0; at < node.sent.length; at++) {
    const [to, path, message] = node.sent[at]!;
    const { type } = message as { type: string };
    const told = type === "shardReport" ? { ...message as object, regions } : message;
    if (to === "a:1" && path === shardingPath) node.machine.receive("a:1", told as never);
  }
  const ask = (numShards: number) =>
    node.machine.receive("a:1", { type: "locate", shardType: "carts", numShards, shard: 0 });
  ask(16);
  ask(4);
  const refusals = node.sent.filter(([, , message]) =>
    (message as { type: string }).type === "refused"
  );
  assertEquals(
    refusals.map(([to, , message]) => [to, (message as { numShards?: number }).numShards]),
    [["a:1", 4]],
  );
});

Deno.test("a client's message is never passed to another node as one of this node", () => {
  const node = new Node("a:1");
  const router = node.machine.add({ shardType: "carts", numShards: 16 });
  const sender = { role: "client", address: "client:bad", identity: { kind: "plain" } } as const;
  // As when its entity hands off its messages.
  router.route("e1", new SentMessage(sender, { type: "close" }));
  assertEquals(node.machine.buffered, 1, "it waits");
  for (let shard = 0; shard < 16; shard++) router.learn(shard, "b:1", 5);
  router.route("e1", new SentMessage(sender, { type: "close" }));
  const sent = node.sent.filter(([, path]) => path !== shardingPath);
  const messages = sent.map(([to, path, message]) => {
    const { type, message: inner } = message as { type: string; message: unknown };
    return [to, path, type, inner];
  });
  const returned = ["client:bad", clientShardsPath, "returned", { type: "close" }];
  assertEquals(messages, [returned, returned]);
});

Deno.test("a client's epoch changes no route of others, and its messages no buffer of theirs", () => {
  const node = new Node("a:1");
  const limits = { maxBufferedPerShard: 10, maxBuffered: 40 };
  const router = node.machine.add({ shardType: "carts", numShards: 4, limits });
  for (let shard = 0; shard < 3; shard++) router.learn(shard, "b:1", 5);
  const place = (id: string) => shardOf(id, 4);
  const ids = Array.from({ length: 200 }, (_, i) => `e${i}`);
  const here = ids.filter((id) => place(id) !== 3);
  for (const id of here) {
    router.receive(id, {}, Number.MAX_SAFE_INTEGER, "client:bad");
    assertEquals(router.ownerOf(place(id)), "b:1");
  }
  // Of the last shard no owner is known: half of its buffer stays for others.
  const waiting = ids.filter((id) => place(id) === 3);
  for (const id of waiting) router.receive(id, {}, 0, "client:bad");
  const before = node.lost.length;
  for (const id of waiting.slice(0, 5)) router.route(id, {});
  assertEquals(node.lost.length, before);
});
