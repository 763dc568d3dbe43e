import { assert, assertEquals, assertThrows } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { Metadata, type MetadataEntry, writeEntries } from "../../lib/persistence/metadata.ts";
import { metadataSections } from "../../lib/persistence/metadata_sections.ts";
import {
  type DeliveryNumber,
  Inbox,
  inboxEntry,
  maxAheadOfClock,
} from "../../lib/persistence/delivery/inbox.ts";
import {
  acknowledgedEntry,
  discardedEntry,
  maxPerCommand,
  messageNumber,
  Outbox,
  type OutboxQueue,
  parkedEntry,
  retriedEntry,
  seqOf,
} from "../../lib/persistence/delivery/outbox.ts";
import { parseReceiver, receiverAddress } from "../../lib/persistence/delivery/receiver_address.ts";
import { Redelivery } from "../../lib/persistence/delivery/redelivery.ts";
import { PersistenceError } from "../../lib/persistence/mod.ts";
import { StoredForm } from "../../lib/persistence/schema.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";

const { codec } = new StoredForm<unknown, unknown>();

const message = (from: string, number: number, after: number, at: number): DeliveryNumber => ({
  from,
  number,
  after,
  at,
});

/** What comes back after it was saved. */
function reloaded(inbox: Inbox, max?: number): Inbox {
  const next = new Inbox(max);
  const saved = inbox.save();
  if (saved !== undefined) next.load(saved);
  return next;
}

Deno.test("an inbox keeps a bounded number of marks, and never lets a message in twice", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = new SeededRandom(String(seed));
    let inbox = new Inbox(20);
    /** What each sender has sent, and what was handled of it. */
    const senders = Array.from({ length: 60 }, (_, i) => ({
      from: `s${i}`,
      sent: [] as DeliveryNumber[],
      acknowledged: 0,
      // Clocks of senders differ by seconds.
      skew: (random.next() - 0.5) * 2_000,
      last: 0,
    }));
    const handled = new Set<string>();
    let refused = 0;
    for (let time = 1_000_000; time < 1_000_000 + 3_000 * 50; time += 50) {
      const sender = senders[Math.floor(random.next() * senders.length)]!;
      if (random.next() < 0.5) {
        sender.last = Math.max(sender.last, time + sender.skew);
        sender.sent.push(message(sender.from, sender.sent.length + 1, 0, sender.last));
      }
      // Any message that was not acknowledged may come, and any that was may come late.
      const copy = sender.sent[Math.floor(random.next() * sender.sent.length)];
      if (copy === undefined) continue;
      const after = copy.number - 1 > sender.acknowledged ? copy.number - 1 : 0;
      const delivery = { ...copy, after };
      const verdict = inbox.judge(delivery, time);
      const key = `${copy.from} ${copy.number}`;
      if (verdict === "next") {
        assert(!handled.has(key), `seed ${seed}: ${key} twice`);
        handled.add(key);
        inbox.apply(inboxEntry(delivery));
        if (random.next() < 0.7) sender.acknowledged = Math.max(sender.acknowledged, copy.number);
      } else if (verdict === "handled") assert(handled.has(key), `seed ${seed}: ${key} is lost`);
      else if (verdict === "expired") refused++;
      assert(inbox.size <= 20);
      if (random.next() < 0.01) inbox = reloaded(inbox, 20);
    }
    assert(handled.size > 100 && refused > 0, `seed ${seed}: ${handled.size} ${refused}`);
  }
});

Deno.test("no sender can raise the floor of an inbox above the present time and an hour", () => {
  const now = 1_000_000_000;
  const inbox = new Inbox(20);
  inbox.apply(inboxEntry(message("honest", 1, 0, now)));
  // What one bad node can make up: streams without end, at any time.
  for (let i = 0; i < 200; i++) {
    for (const at of [now + maxAheadOfClock, now + maxAheadOfClock + 1, Number.MAX_SAFE_INTEGER]) {
      const bad = message(`bad ${i} ${at}`, Number.MAX_SAFE_INTEGER, 0, at);
      const verdict = inbox.judge(bad, now);
      if (verdict === "next") inbox.apply(inboxEntry(bad));
      assertEquals(verdict === "fromFuture", at > now + maxAheadOfClock);
    }
  }
  assertEquals(inbox.judge(message("new", 1, 0, now), now), "expired");
  const later = now + maxAheadOfClock + 1;
  assertEquals(inbox.judge(message("new", 1, 0, later), later), "next");
});

Deno.test("what was refused as too old is sent as new when somebody retries", () => {
  const outbox = new Outbox();
  outbox.apply(added("/a", 1, "x"));
  outbox.apply(added("/b", 2));
  outbox.apply(parkedEntry("/a", "expired"));
  outbox.apply(parkedEntry("/b", "notAcknowledged"));
  outbox.apply(retriedEntry("/a", 1_000));
  outbox.apply(retriedEntry("/b", 1_000));
  assertEquals(outbox.queues.get("/a")!.messages[0]!.at, 1_000);
  // The receiver knows the other one by its mark, if it has handled it.
  assertEquals(outbox.queues.get("/b")!.messages[0]!.at, 5);
  assertEquals(outbox.lastAt, 1_000);
});

Deno.test("a program with fewer marks reads the metadata of one with more, and the other way round", () => {
  const large = new Inbox(100);
  for (let i = 1; i <= 100; i++) large.apply(inboxEntry(message(`s${i}`, i, 0, i)));
  const small = reloaded(large, 10);
  small.apply(inboxEntry(message("new", 1, 0, 1_000)));
  assertEquals(small.judge(message("s1", 1, 0, 1), 1_000), "expired");
  const again = reloaded(small, 100);
  assertEquals(again.judge(message("s1", 1, 0, 1), 1_000), "expired");
  assertEquals(again.judge(message("new", 1, 0, 1_000), 1_000), "handled");
  assertEquals(again.judge(message("newer", 1, 0, 1_001), 1_000), "next");
});

Deno.test("numbers of messages grow, and name the event that they came with", () => {
  assert(messageNumber({ seq: 3, position: 0 }) > messageNumber({ seq: 2, position: 4_095 }));
  assertEquals(seqOf(messageNumber({ seq: 7, position: 4_095 })), 7);
  assertEquals(seqOf(messageNumber({ seq: 2 ** 40, position: 1 })), 2 ** 40);
  assert(Number.isSafeInteger(messageNumber({ seq: 2 ** 40, position: maxPerCommand - 1 })));
});

/** A message of an outbox. */
const added = (to: string, number: number, stream?: string) =>
  stream === undefined ? [0, to, number, 5, { number }] : [0, to, number, 5, { number }, stream];

Deno.test("metadata is the same after entries, after a replay and after a snapshot", () => {
  const entries: MetadataEntry[] = [
    { kind: "outbox", entry: added("/a", 1, "x1") },
    { kind: "outbox", entry: added("/a", 2) },
    { kind: "outbox", entry: added("/b", 3) },
    { kind: "outbox", entry: added("/c", 4) },
    { kind: "inbox", entry: inboxEntry(message("s", 9, 0, 3)) },
    { kind: "outbox", entry: acknowledgedEntry("/a", 1) },
    { kind: "outbox", entry: discardedEntry("/c", 4) },
    { kind: "outbox", entry: parkedEntry("/b", "expired") },
    { kind: "outbox", entry: parkedEntry("/a", "notAcknowledged") },
    { kind: "outbox", entry: retriedEntry("/a", 77) },
  ];
  const applied = new Metadata(metadataSections);
  const replayed = new Metadata(metadataSections);
  for (const entry of entries) {
    applied.apply(entry);
    replayed.read(writeEntries([entry], codec), codec);
  }
  const loaded = new Metadata(metadataSections);
  loaded.load(applied.save(codec)!, codec);
  for (const metadata of [applied, replayed, loaded]) {
    const outbox = metadata.section("outbox") as Outbox;
    assertEquals([outbox.size, outbox.stream, outbox.lastAt], [2, "x1", 5]);
    assertEquals([...outbox.queues.keys()], ["/a", "/b"]);
    assertEquals(outbox.queues.get("/b")!.parked, "expired");
    assertEquals(outbox.queues.get("/a")!.parked, undefined);
    assertEquals(outbox.queues.get("/a")!.messages, [{ number: 2, at: 5, message: { number: 2 } }]);
    assertEquals((metadata.section("inbox") as Inbox).handledOf("s"), 9);
    assertEquals(metadata.wake, 10_005);
  }
  assertEquals(loaded.save(codec), applied.save(codec));
});

Deno.test("metadata of a later program is refused, and what is no metadata", () => {
  const errorOf = (bytes: Uint8Array) => {
    const error = assertThrows(() => new Metadata(metadataSections).read(bytes, codec));
    return error instanceof PersistenceError ? error.code : (error as Error).name;
  };
  assertEquals(errorOf(codec.encode([2, "inbox", ["s", 1, 1]]).slice()), "futureVersion");
  assertEquals(errorOf(codec.encode([1, "debts", []]).slice()), "futureVersion");
  assertEquals(errorOf(codec.encode([1, "toString", []]).slice()), "futureVersion");
  for (
    const bad of [
      {},
      [1, "inbox"],
      [1, "inbox", ["s"]],
      [1, "outbox", ["x"]],
      [1, "outbox", [0, "/a", "1", 1, "m"]],
      [1, "outbox", [9, "/a"]],
    ]
  ) {
    assertEquals(errorOf(codec.encode(bad).slice()), "TypeError");
  }
});

const plan = { minBackoff: 100, maxBackoff: 1_000, maxTries: 4 };
const queue = (...numbers: number[]): OutboxQueue => ({
  messages: numbers.map((number) => ({ number, at: 0, message: number })),
});

Deno.test("a receiver gets one message first, and many once it has shown that it keeps marks", () => {
  const redelivery = new Redelivery(plan);
  const all = new Map([["/a", queue(...Array.from({ length: 200 }, (_, i) => i + 1))]]);
  const step = (queues: ReadonlyMap<string, OutboxQueue>, now: number) => {
    const { send, park, next } = redelivery.step(queues, () => true, now, () => 1);
    return { send: send.map(({ number }) => number), after: send.map((m) => m.after), park, next };
  };
  assertEquals(step(all, 0), { send: [1], after: [0], park: [], next: 100 });
  assertEquals(step(all, 50).send, []);
  redelivery.acknowledged("/a", true, 60, () => 1);
  const rest = new Map([["/a", queue(...Array.from({ length: 199 }, (_, i) => i + 2))]]);
  const second = step(rest, 60);
  assertEquals(second.send.length, 64);
  assertEquals(second.after.slice(0, 3), [0, 2, 3]);
  // No answer: the first of them alone, after pauses that grow.
  assertEquals([second.next, step(rest, 160).send], [160, [2]]);
  assertEquals(step(rest, 170), { send: [], after: [], park: [], next: 360 });
  assertEquals(step(rest, 360).send, [2]);
  assertEquals(step(rest, 760).send, [2]);
  assertEquals(step(rest, 1_560), { send: [], after: [], park: ["/a"], next: Infinity });
});

Deno.test("a receiver that keeps no marks has one message under way, in order", () => {
  const redelivery = new Redelivery(plan);
  const numbers = (...left: number[]) =>
    redelivery.step(new Map([["/a", queue(...left)]]), () => true, 0, () => 1).send
      .map(({ number }) => number);
  assertEquals(numbers(1, 2, 3), [1]);
  redelivery.acknowledged("/a", false, 0, () => 1);
  assertEquals(numbers(2, 3), [2]);
  redelivery.acknowledged("/a", false, 0, () => 1);
  assertEquals(numbers(3), [3]);
});

Deno.test("nothing is sent that can still be lost, nor what is parked", () => {
  const redelivery = new Redelivery(plan);
  const queues = new Map([
    ["/a", queue(1, 5)],
    ["/b", queue(5)],
    ["/c", { ...queue(1), parked: "expired" as const }],
  ]);
  const { send, next } = redelivery.step(queues, ({ number }) => number < 5, 0, () => 1);
  assertEquals(send.map(({ to, number }) => [to, number]), [["/a", 1]]);
  assertEquals(next, 100);
});

Deno.test("addresses of receivers name no incarnation, and no node for what stays with the sender", () => {
  const system = new ActorSystem();
  const ref = system.spawn(Behaviors.receive<string>(() => Behaviors.same()), "a");
  assertEquals(receiverAddress(ref, "x", ""), "/a");
  assertEquals(parseReceiver("/a", ""), { node: "", path: "/a", uid: 0 });
  assertEquals(parseReceiver("[::1]:25520/a/b", "home:1"), {
    node: "[::1]:25520",
    path: "/a/b",
    uid: 0,
  });
  assertEquals(parseReceiver("client:x/a", "home:1").node, "client:x");
  assertThrows(() => receiverAddress({ tell: () => {} } as never, "x", ""), PersistenceError);
});
