import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { BarrierMachine } from "../../lib/distributed/barrier_machine.ts";
import type { Answers, Caller } from "../../lib/distributed/coordination_machine.ts";
import { CounterMachine } from "../../lib/distributed/counter_machine.ts";
import type { DataMachine } from "../../lib/distributed/data_machine.ts";
import { DueHeap } from "../../lib/distributed/due_heap.ts";
import { MapMachine, type MapOperation } from "../../lib/distributed/map_machine.ts";
import { PermitMachine, type PermitOperation } from "../../lib/distributed/permit_machine.ts";
import {
  emptyQueue,
  QueueMachine,
  type QueueOperation,
} from "../../lib/distributed/queue_machine.ts";
import { DistributedError } from "../../lib/distributed/errors.ts";
import { SetMachine } from "../../lib/distributed/set_machine.ts";
import { StructureHost } from "../../lib/distributed/structure_host.ts";
import { isKey, readKey, writeKey } from "../../lib/distributed/structure_key.ts";
import { kindOf, structureId } from "../../lib/distributed/structure_kind.ts";
import { isOperation, isReading } from "../../lib/distributed/structure_protocol.ts";
import { done, refused } from "../../lib/distributed/structure_reply.ts";
import { readValue, writeValue } from "../../lib/distributed/structure_value.ts";
import { structureLimits } from "../../lib/options/tables/distributed_tables.ts";
import { SeededRandom } from "../../lib/testkit/seeded_random.ts";

const caller = (session: string, deadline = Infinity, account?: string): Caller => ({
  session,
  account,
  deadline,
});
const acquire = (request: string, options: Partial<PermitOperation> = {}): PermitOperation => ({
  type: "acquire",
  request,
  owner: request,
  permits: 1,
  exclusive: true,
  ttl: 30_000,
  waits: true,
  ...options,
} as PermitOperation);
const counting = () => {
  let token = 0n;
  return () => ++token;
};
const lock = () => new PermitMachine(structureLimits, counting());
const granted = ({ replies }: Answers) => replies.map(([request]) => request);

Deno.test("one whose deadline has passed gets no grant", () => {
  const machine = lock();
  machine.handle(acquire("a"), caller("s1"), 0);
  machine.handle(acquire("b"), caller("s2", 100), 0);
  machine.handle(acquire("c"), caller("s3", 1_000), 0);
  const { replies, forgotten } = machine.handle({ type: "release", request: "a" }, caller(""), 200);
  assertEquals([granted({ replies } as Answers), forgotten], [["c"], ["b"]]);

  const barrier = new BarrierMachine(structureLimits);
  const arrive = (request: string) => ({ type: "arrive", request, expected: 2 }) as const;
  barrier.handle(arrive("a"), caller("s1", 100), 0);
  assertEquals(barrier.handle(arrive("b"), caller("s2", 1_000), 200).reply, undefined);
  assertEquals(granted(barrier.handle(arrive("c"), caller("s3", 1_000), 300)), ["b"]);
});

Deno.test("tokens grow with each grant, and with each epoch", () => {
  const [first, second] = [new StructureHost(structureLimits), new StructureHost(structureLimits)];
  const tokens = Array.from({ length: 100 }, () => first.nextToken(7));
  assert(tokens.every((token, index) => index === 0 || token > tokens[index - 1]!));
  assert(second.nextToken(8) > tokens.at(-1)!);
  assert(first.nextToken(9) > second.nextToken(8));
});

Deno.test("a lease ends at its holder first", () => {
  const machine = lock();
  machine.handle(acquire("a", { ttl: 10_000 }), caller("s1"), 0);
  machine.handle(acquire("b"), caller("s2"), 0);
  // The holder's clock is 1 % slow, and that of the lock 1 % fast.
  assertEquals(machine.wake(10_000 * 1.01 / 0.99), { replies: [], lost: [], forgotten: [] });
  const { lost, replies } = machine.wake(machine.wakeAt!);
  assertEquals(lost, [["a", "s1"]]);
  assertEquals(replies.map(([request]) => request), ["b"]);
});

Deno.test("an acquisition that is sent again is the same", () => {
  const machine = lock();
  const first = machine.handle(acquire("a"), caller("s1"), 0).reply;
  assertEquals(first, done({ token: 1n, waited: 0 }));
  assertEquals(
    machine.handle(acquire("a"), caller("s1"), 5).reply,
    done({ token: 1n, waited: -5 }),
  );
  assertEquals(machine.handle(acquire("b"), caller("s2"), 5).reply, undefined);
  assertEquals(machine.handle(acquire("c"), caller("s2"), 6).reply, undefined);
  assertEquals(machine.handle(acquire("b"), caller("s2"), 7).reply, undefined);
  // Its lease counts from when it was sent last, so it waited 1 ms.
  const { replies } = machine.handle({ type: "release", request: "a" }, caller(""), 8);
  assertEquals(replies, [["b", done({ token: 2n, waited: 1 })]]);
  // Its first answer was lost: it is told the same again.
  const again = machine.handle(acquire("b"), caller("s2"), 9).reply;
  assertEquals(again, done({ token: 2n, waited: -1 }));
});

Deno.test("holders and waiters of a session that is gone are no more", () => {
  const machine = new PermitMachine(structureLimits, counting());
  const semaphore = { permits: 2, exclusive: false };
  for (const request of ["a1", "b1", "a2", "b2", "c1"]) {
    machine.handle(acquire(request, semaphore), caller(request[0]!), 0);
  }
  assertEquals(machine.sessions(), new Set(["a", "b", "c"]));
  const { replies, forgotten } = machine.sessionGone("a", 1);
  assertEquals([granted({ replies } as Answers), forgotten], [["b2"], ["a2"]]);
  assertEquals(machine.sessions(), new Set(["b", "c"]));
});

Deno.test("a session whose end nobody has seen holds what it holds until its leases end", () => {
  const machine = new PermitMachine(structureLimits, counting());
  for (const request of ["a1", "b1", "a2"]) {
    machine.handle(acquire(request, { ttl: 30_000 }), caller(request[0]!), 0);
  }
  const { replies, forgotten } = machine.sessionLost("a", 1);
  assertEquals([replies, forgotten], [[], ["a2"]]);
  assertEquals(granted(machine.wake(30_000)), []);
  assertEquals(granted(machine.wake(32_000)), ["b1"]);
});

Deno.test("waiters are bounded, also for each identity", () => {
  const limits = { ...structureLimits, maxWaiters: 4, maxWaitersPerIdentity: 2 };
  const machine = new PermitMachine(limits, counting());
  const code = (request: string, account?: string) => {
    const reply = machine.handle(acquire(request), caller("s", Infinity, account), 0).reply;
    return reply?.type === "refused" ? reply.code : reply?.type;
  };
  assertEquals(code("held"), "done");
  assertEquals(["1", "2", "3"].map((request) => code(request, "x")), [
    undefined,
    undefined,
    "structureFull",
  ]);
  assertEquals(["4", "5", "6"].map((request) => code(request)), [
    undefined,
    undefined,
    "structureFull",
  ]);
});

Deno.test("what one client holds of a semaphore is bounded, and free again when it ends", () => {
  const limits = { ...structureLimits, maxWaitersPerIdentity: 2 };
  const machine = new PermitMachine(limits, counting());
  const code = (request: string, account?: string) => {
    const options = { permits: 10, exclusive: false, waits: false };
    const reply = machine.handle(acquire(request, options), caller(request, 1, account), 0).reply;
    return reply?.type === "refused" ? reply.code : reply?.type;
  };
  assertEquals(["1", "2", "3"].map((request) => code(request, "x")), [
    "done",
    "done",
    "structureFull",
  ]);
  assertEquals([code("4"), code("5", "y")], ["done", "done"]);
  machine.handle({ type: "release", request: "1" }, caller(""), 0);
  machine.sessionGone("2", 0);
  assertEquals(["6", "7", "8"].map((request) => code(request, "x")), [
    "done",
    "done",
    "structureFull",
  ]);
  machine.wake(40_000);
  assertEquals(code("9", "x"), "done");
});

Deno.test("an operation of a semaphore costs the same, however many hold it", () => {
  const machine = new PermitMachine(structureLimits, counting());
  const started = performance.now();
  for (let index = 0; index < 100_000; index++) {
    const options = { permits: 100_000, exclusive: false, ttl: 30_000 + index };
    machine.handle(acquire(`r${index}`, options), caller("s"), 0);
    assert(machine.wakeAt! < 31_000);
  }
  // With a look at all of them for each it takes minutes; without one half a second.
  assert(performance.now() - started < 15_000);
});

Deno.test("no run of a semaphore has more holders than permits, or an idle permit", () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = new SeededRandom(seed);
    const permits = 1 + Math.floor(random.next() * 3);
    const machine = new PermitMachine(structureLimits, counting());
    const holders = new Map<string, bigint>();
    const waiters = new Map<string, number>();
    let [now, count, latest] = [0, 0, 0n];
    const take = (request: string, value: unknown) => {
      const { token } = value as { token: bigint };
      assert(token > latest, "tokens grow");
      holders.set(request, latest = token);
      // First come, first served, among those who still wait.
      const first = [...waiters].find(([, deadline]) => deadline > now);
      if (waiters.has(request)) assertEquals(request, first![0]);
      assert((waiters.get(request) ?? Infinity) > now, "the deadline has passed");
      waiters.delete(request);
    };
    const follow = ({ replies, lost, forgotten }: Answers) => {
      for (const [request] of lost) assert(holders.delete(request));
      for (const request of forgotten) waiters.delete(request);
      for (const [request, reply] of replies) take(request, (reply as { value: unknown }).value);
    };
    for (let step = 0; step < 300; step++) {
      now += Math.floor(random.next() * 200);
      const draw = random.next();
      const held = [...holders.keys()];
      if (draw < 0.5) {
        const request = `r${++count}`;
        const deadline = now + random.next() * 3_000;
        const operation = acquire(request, { permits, exclusive: false, ttl: 1_000 });
        const answers = machine.handle(operation, caller(`s${count % 5}`, deadline), now);
        follow(answers);
        if (answers.reply?.type === "done") take(request, answers.reply.value);
        else if (answers.reply === undefined) waiters.set(request, deadline);
      } else if (draw < 0.7 && held.length > 0) {
        const request = held[Math.floor(random.next() * held.length)]!;
        holders.delete(request);
        const answers = machine.handle({ type: "release", request }, caller(""), now);
        // Its lease may have ended meanwhile.
        follow({ ...answers, lost: answers.lost.filter(([of]) => of !== request) });
      } else if (draw < 0.8) {
        const session = `s${Math.floor(random.next() * 5)}`;
        for (const request of [...holders.keys()]) {
          if (`s${Number(request.slice(1)) % 5}` === session) holders.delete(request);
        }
        follow(machine.sessionGone(session, now));
      } else follow(machine.wake(now));
      assert(holders.size <= permits, `${holders.size} of ${permits} holders`);
      const waiting = [...waiters.values()].filter((deadline) => deadline > now).length;
      assert(holders.size === permits || waiting === 0, "nobody waits for a free permit");
    }
    assert(latest > 20n);
  }
});

/** A machine that has done what another one was told through its events. */
function replayed<O, E>(
  make: (saved?: unknown) => DataMachine<O, E>,
  operations: (random: SeededRandom, step: number) => O,
): void {
  for (let seed = 0; seed < 100; seed++) {
    const random = new SeededRandom(seed);
    const live = make();
    let [copy, now] = [make(), 0];
    for (let step = 0; step < 200; step++) {
      now += Math.floor(random.next() * 100);
      const operation = operations(random, step);
      const { event, reply } = live.decide(operation, now);
      // It may have expired much less, and been saved at any time.
      if (random.next() < 0.1) copy = make(structuredClone(copy.save()));
      if (random.next() < 0.1) {
        const other = make(structuredClone(copy.save()));
        assertEquals(other.decide(operation, now).reply, reply, `seed ${seed}, step ${step}`);
      }
      if (event === undefined) continue;
      live.apply(event);
      copy.apply(structuredClone(event));
    }
  }
}

const pick = <T>(random: SeededRandom, values: readonly T[]) =>
  values[Math.floor(random.next() * values.length)]!;
const keys = ["sa", "sb", "n1", "s1"];

Deno.test("events lead to the same map, whatever has expired", () => {
  replayed((saved) => new MapMachine(structureLimits, saved), (random, step): MapOperation => {
    const key = pick(random, keys);
    const value = writeValue(step % 5);
    const ttl = random.next() < 0.5 ? { ttl: 1 + Math.floor(random.next() * 400) } : {};
    return pick<MapOperation>(random, [
      { type: "set", key, value, ...ttl },
      { type: "compareAndSet", key, expected: null, value, ...ttl },
      { type: "delete", key },
      { type: "get", key },
      { type: "size" },
      { type: "page", after: Math.floor(random.next() * 5), limit: 3 },
    ]);
  });
});

Deno.test("events lead to the same queue, whatever has expired", () => {
  replayed((saved) => new QueueMachine(structureLimits, saved), (random, step): QueueOperation => {
    const reservation = `reservation-${Math.floor(random.next() * 8)}`;
    const visibility = Math.floor(random.next() * 500);
    return pick<QueueOperation>(random, [
      { type: "enqueue", value: writeValue(step) },
      { type: "dequeue" },
      { type: "reserve", reservation, visibility, maxTries: 2 },
      { type: "acknowledge", reservation },
      { type: "reject", reservation, delay: visibility },
      { type: "extend", reservation, visibility },
      { type: "unpark", number: Math.floor(random.next() * 50) },
      { type: "parked", after: 0, limit: 5 },
      { type: "size" },
    ]);
  });
});

Deno.test("sizes are right after anything, and bound what is kept", () => {
  const limits = { ...structureLimits, maxEntries: 3, maxBytes: 60, maxValueBytes: 20 };
  const map = new MapMachine(limits);
  const set = (key: string, length: number) => {
    const value = new Uint8Array(length);
    const { reply, event } = map.decide({ type: "set", key, value }, 0);
    if (event !== undefined) map.apply(event);
    return reply.type === "refused" ? reply.code : reply.type;
  };
  assertEquals(set("sa", 21), "structureFull");
  assertEquals(set("sa", 20), "done");
  assertEquals(set("sb", 20), "done");
  assertEquals(set("sc", 20), "structureFull");
  assertEquals(set("sc", 10), "done");
  assertEquals(set("sd", 0), "structureFull");
  // What gets smaller is taken, however full it is.
  assertEquals(set("sa", 5), "done");
  assertEquals(set("sc", 20), "done");
  map.apply({ type: "destroyed" });
  assertEquals(["sa", "sb"].map((key) => set(key, 20)), ["done", "done"]);

  const queue = new QueueMachine(limits);
  for (let count = 0; count < 3; count++) {
    queue.apply(queue.decide({ type: "enqueue", value: new Uint8Array(1) }, 0).event!);
  }
  assertEquals(
    queue.decide({ type: "enqueue", value: new Uint8Array(1) }, 0).reply,
    refused("structureFull", "it has maxEntries (3) entries"),
  );
  queue.apply(queue.decide({ type: "dequeue" }, 0).event!);
  assertEquals(queue.decide({ type: "enqueue", value: new Uint8Array(1) }, 0).reply.type, "done");
});

Deno.test("a number of an item does not mean an item of another queue", () => {
  const first = (random: number) => {
    const queue = new QueueMachine(structureLimits, emptyQueue(random));
    const { event } = queue.decide({ type: "enqueue", value: new Uint8Array(1) }, 0);
    return (event as { number: number }).number;
  };
  assertEquals(first(0), 1);
  assert(first(0.5) !== first(0.6));
  assert(Number.isSafeInteger(first(1 - 2 ** -53) + 2 ** 32));
});

Deno.test("deadlines that are changed again and again fill no memory", () => {
  const heap = new DueHeap<string>();
  for (let at = 0; at < 100_000; at++) {
    heap.add(at, "x");
    heap.compact(1, (_item, due) => due === at);
  }
  assert(heap.size < 100);
  const map = new MapMachine(structureLimits);
  const value = new Uint8Array(1);
  const started = performance.now();
  for (let ttl = 1e6; ttl < 1e6 + 100_000; ttl++) {
    map.apply(map.decide({ type: "set", key: "sa", value, ttl }, 0).event!);
  }
  assertEquals(map.decide({ type: "size" }, 1e6 + 50_000).reply, done(1));
  assert(performance.now() - started < 5_000);
});

Deno.test("a counter is a safe integer", () => {
  const counter = new CounterMachine(Number.MAX_SAFE_INTEGER - 1);
  const add = (amount: number) => counter.decide({ type: "add", amount });
  counter.apply(add(1).event!);
  const { reply, event } = add(1);
  assertEquals([reply.type, event], ["refused", undefined]);
  assertEquals(add(-1).reply, done(Number.MAX_SAFE_INTEGER - 1));
});

Deno.test("a set has each value once", () => {
  const set = new SetMachine(structureLimits);
  const add = { type: "add", key: "sa" } as const;
  set.apply(set.decide(add).event!);
  assertEquals(set.decide(add), { reply: done(false) });
  assertEquals(new SetMachine(structureLimits, set.save()).decide(add), { reply: done(false) });
});

Deno.test("the parties of a round are let go together, and one that is sent again counts once", () => {
  const barrier = new BarrierMachine(structureLimits);
  const arrive = (request: string) =>
    barrier.handle({ type: "arrive", request, expected: 3 }, caller("s"), 0);
  assertEquals(arrive("a").reply, undefined);
  assertEquals(arrive("a").reply, undefined);
  assertEquals(arrive("b").reply, undefined);
  const { reply, replies } = arrive("c");
  assertEquals([reply, replies], [done(), [["a", done()], ["b", done()]]]);
  // Its answer was lost: the round is over for it, and it is none of the next.
  assertEquals(arrive("a").reply, done());
  assert(barrier.isIdle);
});

Deno.test("keys have one form each, and forged ones are refused", () => {
  const values = [0, -1.5, 1e21, 1e-7, NaN, -Infinity, 1n, -1n, "", "é", "n1", true, false, null];
  const texts = values.map(writeKey);
  assertEquals(new Set(texts).size, values.length);
  assertEquals(texts.map(readKey), values);
  assert(texts.every(isKey));
  for (
    const text of ["", "x", "n01", "n1.0", "n", "i01", "i1.5", "ix", "tt", "\ud800", "s\ud800"]
  ) {
    assert(!isKey(text), text);
  }
  assert(!isKey(`s${"x".repeat(1_024)}`) && !isKey(5));
  assertThrows(() => writeKey({} as never));
});

Deno.test("structures of two kinds are never one, and what is no operation is refused", () => {
  assertEquals(kindOf(structureId("lock", "a|b")), "lock");
  assertEquals(kindOf(structureId("counter", "lock|a")), "counter");
  for (const id of ["", "lock", "|lock", "list|a", "toString|a"]) {
    assertEquals(kindOf(id), undefined);
  }
  assert(isOperation("counter", { type: "add", amount: 1 }));
  const wrong = [
    undefined,
    {},
    { type: "toString" },
    { type: "add" },
    { type: "add", amount: 0.5 },
    { type: "add", amount: "1" },
    { type: "set", key: "sa", value: new Uint8Array(1) },
  ];
  for (const operation of wrong) assert(!isOperation("counter", operation));
  assert(!isOperation("map", { type: "set", key: "a", value: new Uint8Array(1) }));
  assert(!isOperation("map", { type: "page", after: 0, limit: 1e9 }));
  assert(!isOperation("lock", { ...acquire("request-1"), ttl: 1 }));
  assert(isOperation("lock", acquire("request-1")));
  assert(isReading({ operation: { type: "get" } }));
  for (const type of ["set", "reserve", "acquire", "destroy", undefined]) {
    assert(!isReading({ operation: { type } }));
  }
});

Deno.test("values are copies, and compared by their bytes", () => {
  const value = { list: [1, new Date(0)], big: 1n, bytes: new Uint8Array([1]) };
  const bytes = writeValue(value);
  value.list.push(2);
  assertEquals((readValue(bytes, "map m") as typeof value).list.length, 2);
  const unreadable = new Uint8Array([0xc1]);
  const error = assertThrows(() => readValue(unreadable, "map m", "tea"), DistributedError);
  assertEquals([error.code, error.value], ["badValue", "tea"]);
  assertStringIncludes(error.message, 'map m: a value of "tea" cannot be read');
});
