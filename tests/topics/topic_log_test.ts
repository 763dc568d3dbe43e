import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { PublishedMessage } from "../../lib/topics/published_message.ts";
import { RetainedBytes } from "../../lib/topics/retained_bytes.ts";
import { TopicLog } from "../../lib/topics/topic_log.ts";

const limits = { maxBytes: 100_000, maxBytesPerTopic: 50_000, maxBytesPerIdentity: 10_000 };
const live = { via: "self", isRetained: false };
const copy = { via: "other#1", isRetained: true };

function published(publisher: string, number: number, at = number): PublishedMessage {
  return { topic: "t", publisher, number, at, message: `${publisher}${number}` };
}

function messages(log: TopicLog): unknown[] {
  return log.retained().map(({ message }) => message);
}

Deno.test("numbers of a publisher grow: nothing comes twice or out of order", () => {
  fc.assert(fc.property(
    fc.array(fc.record({
      publisher: fc.constantFrom("a", "b", "c"),
      number: fc.integer({ min: 1, max: 9 }),
      at: fc.integer({ min: 0, max: 5 }),
      isRetained: fc.boolean(),
    })),
    fc.integer({ min: 0, max: 4 }),
    (steps, retain) => {
      const log = new TopicLog(retain, new RetainedBytes(limits));
      const accepted = new Map<string, number>();
      for (const { publisher, number, at, isRetained } of steps) {
        if (!log.accept(published(publisher, number, at), { via: "x", isRetained })) continue;
        assert(number > (accepted.get(publisher) ?? 0));
        accepted.set(publisher, number);
      }
      assert(log.size <= retain);
      const kept = new Map<string, number>();
      for (const { publisher, number } of log.retained()) {
        assert(number > (kept.get(publisher) ?? 0), "retained messages keep their order");
        kept.set(publisher, number);
      }
    },
  ));
});

Deno.test("the newest of all publishers are retained, by time", () => {
  const log = new TopicLog(3, new RetainedBytes(limits));
  log.accept(published("a", 1, 10), live);
  log.accept(published("a", 2, 30), live);
  // A copy that arrives later may be older.
  log.accept(published("b", 1, 20), copy);
  assertEquals(messages(log), ["a1", "b1", "a2"]);
  log.accept(published("b", 2, 40), copy);
  assertEquals(messages(log), ["b1", "a2", "b2"]);
  assert(!log.accept(published("c", 1, 5), copy), "older than all that are retained");
  assert(log.accept(published("c", 2, 5), live), "a live message is delivered anyway");
});

Deno.test("a node sends another what it has sent itself, and what nodes have sent that are gone", () => {
  const log = new TopicLog(10, new RetainedBytes(limits));
  log.accept(published("a", 1), { via: "self", isRetained: false });
  log.accept(published("b", 1), { via: "b:1#1", isRetained: false });
  log.accept(published("c", 1), { via: "c:1#1", isRetained: false });
  const sent = log.retainedFor((via) => via === "c:1#1").map(({ publisher }) => publisher);
  assertEquals(sent, ["a", "b"]);
});

Deno.test("publishers are forgotten, but not what is retained of them", () => {
  const log = new TopicLog(1, new RetainedBytes(limits));
  assert(log.accept(published("a", 5, 9_999), live));
  for (let index = 0; index < 2_000; index++) log.accept(published(`p${index}`, 1, 0), live);
  assertEquals(messages(log), ["a5"]);
  assert(!log.accept(published("a", 5, 9_999), copy));
  assert(log.accept(published("a", 6, 10_000), live));
});

Deno.test("retained bytes are bounded for a topic, a certificate and the node", () => {
  const bytes = new RetainedBytes(limits);
  const log = new TopicLog(10_000, bytes);
  const text = "x".repeat(1_000);
  const add = (publisher: string, number: number) =>
    log.accept({ topic: "t", publisher, number, at: number, message: text }, live);
  for (let number = 1; number <= 100; number++) add("client:spiffe://shop/web#1", number);
  assert(bytes.total <= limits.maxBytesPerIdentity, String(bytes.total));
  // Another client with the same certificate shares the limit.
  for (let number = 1; number <= 100; number++) add("client:spiffe://shop/web#2", number);
  assert(bytes.total <= limits.maxBytesPerIdentity, String(bytes.total));
  add("node", 1_000);
  for (let number = 101; number <= 200; number++) add("client:spiffe://shop/web#2", number);
  assert(log.retained().some(({ publisher }) => publisher === "node"));
  for (let number = 1_001; number <= 1_100; number++) add("node", number);
  assert(bytes.total <= limits.maxBytesPerTopic, String(bytes.total));
  const large = { topic: "t", publisher: "large", number: 1, at: 1, message: "x".repeat(60_000) };
  assert(log.accept(large, live), "a message that cannot be retained is delivered");
  assert(!log.retained().some(({ publisher }) => publisher === "large"));
  const others = Array.from({ length: 4 }, () => new TopicLog(10_000, bytes));
  for (const other of others) {
    for (let number = 1; number <= 100; number++) {
      other.accept({ topic: "o", publisher: "node", number, at: number, message: text }, live);
    }
  }
  assert(bytes.total <= limits.maxBytes, String(bytes.total));
  for (const one of [log, ...others]) one.clear();
  assertEquals(bytes.total, 0);
});
