import { assertEquals } from "@std/assert";
import { CopyRecovery } from "../../lib/replication/copy_recovery.ts";
import type { ReplicaStatus } from "../../lib/replication/primary.ts";
import { StatusEvents } from "../../lib/replication/status_events.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";

const status = (phase: ReplicaStatus["phase"], nodes: readonly string[] = []): ReplicaStatus => ({
  epoch: 5,
  phase,
  ...(nodes.length > 0 && {
    config: {
      version: [5, nodes.length] as const,
      inSync: nodes.map((address) => ({ address, store: 1 })),
      minAcks: 1,
    },
  }),
  replicas: [],
  copies: [],
  lagging: [],
});

Deno.test("a promotion is one event, and so is each change of the copies", () => {
  const events = new StatusEvents("carts");
  const about = { shardType: "carts", shard: 3, epoch: 5 };
  assertEquals(events.on(3, status("fencing"), "it waits for b:1", 0), []);
  assertEquals(events.on(3, status("open", ["b:1", "a:1"]), "", 300), [
    { type: "shardOpened", ...about },
    { type: "shardCopiesChanged", ...about, copies: ["a:1", "b:1"] },
  ]);
  assertEquals(events.on(3, status("open", ["a:1", "b:1"]), "", 400), []);
  assertEquals(events.on(3, status("open", ["a:1"]), "", 500), [
    { type: "shardCopiesChanged", ...about, copies: ["a:1"] },
  ]);
});

Deno.test("a shard that waits is told after two seconds, and again if it waits for something else", () => {
  const events = new StatusEvents("carts");
  const told = (waitsFor: string, now: number) =>
    events.on(3, status("fencing"), waitsFor, now).map((event) =>
      event.type === "shardWaiting" ? event.waitsFor : event.type
    );
  assertEquals(told("b:1", 0), []);
  assertEquals(told("b:1", 1_900), []);
  assertEquals(told("b:1", 2_100), ["b:1"]);
  assertEquals(told("b:1", 9_000), []);
  assertEquals(told("c:1", 9_100), []);
  assertEquals(told("c:1", 11_200), ["c:1"]);
  events.forget(3);
  assertEquals(told("c:1", 11_300), []);
});

Deno.test("a copy whose store fails again and again is tried more and more rarely", async () => {
  const clock = new ManualClock();
  const tries: number[] = [];
  let fails = true;
  const recovery = new CopyRecovery(clock, () => {
    tries.push(clock.now());
    return fails ? Promise.reject(new Error("full")) : Promise.resolve();
  });
  recovery.failed(1);
  const until = async (count: number) => {
    while (tries.length < count) await clock.advance(500);
  };
  await until(9);
  const waits = tries.map((at, index) => at - (tries[index - 1] ?? 0));
  assertEquals(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1_000));
  fails = false;
  await until(10);
  await clock.advance(300_000);
  assertEquals(tries.length, 10);
  // It was well for long.
  const before = clock.now();
  recovery.failed(1);
  await until(11);
  assertEquals(tries[10]! - before, 1_000);
});
