/** One type at one node, with what other nodes say made up; and the form of that. */
import { assert, assertEquals } from "@std/assert";
import { Behaviors } from "../../lib/behaviors.ts";
import { durableState, eventSourced, memoryJournal } from "../../lib/persistence/mod.ts";
import { StoredForm } from "../../lib/persistence/schema.ts";
import { FillTurns } from "../../lib/replication/fill_turns.ts";
import { parseStandby } from "../../lib/replication/standby/standby_control.ts";
import {
  FeedBatch,
  feedBytes,
  type FeedItem,
  isFeed,
  parseFeed,
} from "../../lib/replication/standby/standby_form.ts";
import { hasStandbys, StandbyType } from "../../lib/replication/standby/standby_type.ts";
import type { DurableStore } from "../../lib/runtime/durable_store.ts";
import type { EntityFactory } from "../../lib/sharding/routing/entity_factory.ts";
import type { ReplicationOptions } from "../../lib/sharding/sharded_behavior.ts";
import { ManualClock } from "../../lib/testkit/mod.ts";

const [self, owner, coordinator] = ["a:1", "b:1", "c:1"];
const members = [self, owner, coordinator].map((address) => {
  return { address, incarnation: 1, status: "up" as const };
});
const form = new StoredForm<number, number>();
const entry = (id: string, expectedSeq: number, ...values: number[]) => {
  return { id, expectedSeq, epoch: 7, events: values.map((value) => form.writeEvent(value, 1)) };
};
const sums = () =>
  eventSourced<number, number, number>({
    initial: 0,
    onCommand: (_context, _sum, add, effect) => effect.persist(add),
    onEvent: (sum, add) => sum + add,
  });

/** A node of the type "sums", to which the owner speaks. */
function node(
  factory: EntityFactory<never>,
  replication: ReplicationOptions = {},
) {
  const logged: (readonly [level: string, message: string, fields: unknown])[] = [];
  const asked: number[] = [];
  const sent: (readonly [to: string, items: readonly FeedItem[]])[] = [];
  const clock = new ManualClock();
  const journal = Object.assign(memoryJournal(), { isShared: true });
  const type = new StandbyType({
    self,
    clock,
    fills: new FillTurns(clock),
    leader: () => coordinator,
    replicates: () => true,
    send: (to, bytes) => void sent.push([to, parseFeed(bytes)!.items]),
    sendControl: () => {},
    askOwners: (_leader, shards) => void asked.push(...shards),
    grantOf: () => undefined,
    log: (level, message, fields) => void logged.push([level, message, fields]),
  }, {
    shardType: "sums",
    numShards: 1,
    runs: true,
    replication,
    journal: journal as unknown as DurableStore,
    strategy: undefined,
    factory,
  });
  type.onView(members);
  const announced = { shardType: "sums", runs: true, retiring: false, isAnswer: true };
  type.receiveControl(owner, 1, { type: "announceStandby", ...announced });
  return { type, logged, asked, sent };
}

const follow: FeedItem = { type: "follow", shard: 0, epoch: 7 };
const ready = ({ explain }: { explain(): string[] }) => {
  return Number(/with (\d+) entities ready/.exec(explain().join("\n"))?.[1]);
};
const explained = (type: StandbyType) => type.explain().join("\n");

Deno.test("a standby believes the owner that the coordinator has named, and nobody else", () => {
  const { type, asked, sent } = node(sums);
  const say = (from: string, ...items: FeedItem[]) => type.receive(from, items);
  const events = (id: string): FeedItem => {
    return { type: "append", entries: [entry(`sums|${id}`, 0, 1)] };
  };
  const count = () => ready({ explain: () => type.explain() });
  say(owner, follow, events("early"));
  assertEquals([asked, count()], [[0], 0]);
  type.receiveOwners(owner, [[0, 7, owner]]);
  assertEquals(sent, []);
  type.receiveOwners(coordinator, [[0, 7, owner]]);
  assertEquals(sent, [[owner, [{ type: "following", shard: 0, epoch: 7 }]]]);
  say(owner, events("x"));
  assertEquals(count(), 1);
  // One that does not say that it runs the type, one that does, and one that claims a later grant.
  say("d:1", follow, events("y"));
  const announced = { shardType: "sums", runs: true, retiring: false, isAnswer: true };
  type.receiveControl("d:1", 1, { type: "announceStandby", ...announced });
  say("d:1", follow, events("y"), { type: "release", shard: 0 });
  say("d:1", { ...follow, epoch: 8 }, events("y"), { type: "forget", id: "sums|x" });
  type.receiveOwners(coordinator, [[0, 7, owner]]);
  say("d:1", events("y"));
  assertEquals(count(), 1);
  say(owner, { type: "release", shard: 0 });
  assertEquals(count(), 0);
});

Deno.test("what this node owns is not taken from others", () => {
  const { type } = node(sums);
  type.receive(owner, [follow]);
  type.receiveOwners(coordinator, [[0, 7, owner]]);
  type.receive(owner, [{ type: "append", entries: [entry("sums|x", 0, 1)] }]);
  type.startShard(0, 8);
  type.receive(owner, [{ type: "append", entries: [entry("sums|x", 1, 5)] }]);
  type.receive(owner, [{ type: "release", shard: 0 }]);
  assert(explained(type).includes("1 entities ready"), explained(type));
  type.stopped(0);
  assert(explained(type).includes("0 entities ready"), explained(type));
});

Deno.test("options that have no effect with a database are named in a warning", () => {
  const { logged } = node(sums, { replicas: 2, minAcks: 1, ackTimeout: 100 });
  const [[level, , fields]] = logged as [typeof logged[number]];
  assertEquals(level, "warn");
  assertEquals((fields as { options: string }).options, "minAcks, ackTimeout");
  assertEquals(node(sums, { replicas: 1, maxWarmEntities: 5 }).logged, []);
});

Deno.test("explain names entities that cannot be kept ready, and why", () => {
  const behaviors: Record<string, EntityFactory<never>> = {
    "is not durable by itself": () => Behaviors.setup(() => sums()) as never,
    "is not durable by itself ": () =>
      eventSourced<number, number, number>({
        id: "other",
        initial: 0,
        onCommand: (_context, _sum, add, effect) => effect.persist(add),
        onEvent: (sum, add) => sum + add,
      }) as never,
    "is read with its last row": () =>
      durableState<number, number>({
        initial: 0,
        onMessage: (_context, sum, add, effect) => effect.persist(sum + add),
      }) as never,
    // The context is that of an actor, which a standby has none of.
    "cannot be applied here": (_id, context) =>
      Behaviors.supervise(context.entityId === "" ? sums() : sums()) as never,
  };
  for (const [why, factory] of Object.entries(behaviors)) {
    const { type } = node(factory);
    type.receive(owner, [follow]);
    type.receiveOwners(coordinator, [[0, 7, owner]]);
    type.receive(owner, [{ type: "append", entries: [entry("sums|x", 0, 1)] }]);
    const text = explained(type);
    assert(text.includes("1 entities cannot be kept ready"), text);
    assert(text.includes(why.trim()), text);
  }
});

Deno.test("a type has standbys if its store says that all nodes share it", () => {
  const journal = memoryJournal() as unknown as DurableStore;
  assertEquals(hasStandbys({ journal }), false);
  assertEquals(hasStandbys({ journal: undefined }), false);
  assertEquals(hasStandbys({ journal: Object.assign(journal, { isShared: true }) }), true);
});

const items: readonly FeedItem[] = [
  { type: "follow", shard: 65_535, epoch: 2 ** 52 },
  { type: "following", shard: 0, epoch: 1 },
  { type: "release", shard: 3 },
  { type: "running", id: "sums|ä", seq: 300 },
  { type: "append", entries: [entry("sums|x", 4, 1, 2)] },
  { type: "saved", id: "sums|x", seq: 5 },
  { type: "forget", id: "sums|x" },
];

function bytesOf(given: readonly FeedItem[]): Uint8Array {
  const batch = new FeedBatch();
  for (const item of given) {
    if (item.type !== "append") batch.add(item);
    else for (const one of item.entries) batch.addAppend(feedBytes(one));
  }
  assertEquals(batch.isEmpty, given.length === 0);
  return batch.take("sums");
}

Deno.test("what standbys are sent is the same after its form in bytes", () => {
  const bytes = bytesOf(items);
  assert(isFeed(bytes));
  assertEquals(parseFeed(bytes), { shardType: "sums", items });
});

Deno.test("bytes that are no items are refused, whole or in part", () => {
  const whole = bytesOf(items);
  for (let end = 0; end < whole.length; end++) {
    assertEquals(parseFeed(whole.subarray(0, end)), undefined, `${end}`);
  }
  assertEquals(parseFeed(new Uint8Array([...whole, 0])), undefined);
  const bad: FeedItem[] = [
    { type: "release", shard: 65_536 },
    { type: "forget", id: "" },
    { type: "forget", id: "x".repeat(1_025) },
    { type: "append", entries: [entry("", 0, 1)] },
    { type: "append", entries: [entry("sums|x", 0)] },
  ];
  for (const item of bad) assertEquals(parseFeed(bytesOf([item])), undefined, item.type);
  assertEquals(isFeed("text"), false);
  assertEquals(isFeed(new Uint8Array([1, 0])), false);
});

Deno.test("control messages of another form are refused", () => {
  const announce = {
    type: "announceStandby",
    shardType: "sums",
    runs: true,
    retiring: false,
    isAnswer: true,
  };
  const report = { type: "standbyShards", shardType: "sums", shards: [[0, 7, 5]] };
  assertEquals(parseStandby(announce) as unknown, announce);
  assertEquals(parseStandby(report) as unknown, report);
  const bad: unknown[] = [
    undefined,
    "text",
    { ...announce, shardType: "" },
    { ...announce, runs: 1 },
    { ...announce, type: "other" },
    { ...report, shards: 5 },
    { ...report, shards: [[0, 7]] },
    { ...report, shards: [[65_536, 7, 1]] },
    { ...report, shards: [[0, -1, 1]] },
    { ...report, shards: [[0, 7, 0.5]] },
  ];
  for (const value of bad) assertEquals(parseStandby(value), undefined, JSON.stringify(value));
});
