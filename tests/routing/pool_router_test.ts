import { CastyError } from "../../lib/runtime/casty_error.ts";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import type { Behavior } from "../../lib/actor/behavior/behavior.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import { AskError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import type { SpyEvent } from "../../lib/actor/behavior/spy.ts";
import type { PoolOptions } from "../../lib/routing/pool_router.ts";
import { Routers } from "../../lib/routing/routers.ts";
import {
  consistentHash,
  random,
  type RoutingStrategy,
} from "../../lib/routing/routing_strategy.ts";
import { assertBalanced, quietSystem, Received, tellNumbers } from "./quiet_system.ts";

Deno.test("a pool gives its messages to its children in turn, in order", async () => {
  await using quiet = quietSystem();
  const received = new Received<number>();
  const pool = quiet.system.spawn(Routers.pool(3, received.behavior()), "pool");
  tellNumbers(pool, 7);
  await quiet.settle();
  assertEquals(received.of("/pool/routee-1"), [1, 4, 7]);
  assertEquals(received.of("/pool/routee-2"), [2, 5]);
  assertEquals(received.of("/pool/routee-3"), [3, 6]);
  const { sent, delivered } = quiet.system.ledger.snapshot();
  assertEquals([sent, delivered], [14, 14]);
});

Deno.test("messages of one key go to one child, in order", async () => {
  await using quiet = quietSystem();
  const received = new Received<number>();
  const strategy = consistentHash((message: number) => `key-${message % 10}`);
  const pool = quiet.system.spawn(Routers.pool(4, received.behavior(), { strategy }), "pool");
  tellNumbers(pool, 1_000);
  await quiet.settle();
  assertEquals(received.all.length, 1_000);
  const home = new Map<number, string>();
  for (const path of received.paths) {
    const last = new Map<number, number>();
    for (const message of received.of(path)) {
      const key = message % 10;
      assertEquals(home.get(key) ?? path, path);
      assert((last.get(key) ?? 0) < message, "overtaken");
      home.set(key, path);
      last.set(key, message);
    }
  }
  assertEquals(home.size, 10);
});

Deno.test("by chance means by the chance of the system", async () => {
  const run = async (seed: number) => {
    await using quiet = quietSystem(seed);
    const received = new Received<number>();
    const pool = Routers.pool(3, received.behavior(), { strategy: random() });
    tellNumbers(quiet.system.spawn(pool, "pool"), 60);
    await quiet.settle();
    return received.paths.map((path) => received.of(path));
  };
  const first = await run(3);
  assertEquals(first.flat().length, 60);
  assertEquals(first.length, 3);
  assertEquals(await run(3), first);
});

Deno.test("what the predicate says goes to all children", async () => {
  await using quiet = quietSystem();
  const received = new Received<number>();
  const behavior = Routers.pool(3, received.behavior(), { broadcast: (message) => message === 0 });
  const pool = quiet.system.spawn(behavior, "pool");
  for (const message of [1, 0, 2]) pool.tell(message);
  await quiet.settle();
  assertEquals(received.paths.map((path) => received.of(path)), [[1, 0], [0, 2], [0]]);
});

Deno.test("a router passes on the very same message", async () => {
  await using quiet = quietSystem();
  const received = new Received<object>();
  const message = { deep: { value: 1 } };
  quiet.system.spawn(Routers.pool(1, received.behavior()), "pool").tell(message);
  await quiet.settle();
  assertStrictEquals(received.of("/pool/routee-1")[0], message);
});

Deno.test("a child that stops gets nothing more; when the last stops, so does the pool", async () => {
  await using quiet = quietSystem();
  const received = new Received<number>();
  const pool = quiet.system.spawn(Routers.pool(3, received.behavior(0)), "pool");
  const stopped: string[] = [];
  quiet.system.eventStream.subscribe("actorStopped", ({ ref }) => stopped.push(ref.path));
  tellNumbers(pool, 1);
  pool.tell(0);
  await quiet.settle();
  assertEquals(stopped, ["/pool/routee-2"]);
  tellNumbers(pool, 4);
  await quiet.settle();
  assertEquals(received.of("/pool/routee-3"), [1, 3]);
  assertEquals(received.of("/pool/routee-1"), [1, 2, 4]);
  assertEquals(quiet.lost, []);
  for (let i = 0; i < 2; i++) {
    pool.tell(0);
    await quiet.settle();
  }
  assertEquals(stopped.slice(1).sort(), ["/pool", "/pool/routee-1", "/pool/routee-3"]);
  pool.tell(5);
  assertEquals(quiet.lost.map(({ reason, target }) => [reason, target]), [["stopped", "/pool"]]);
});

Deno.test("a supervised child keeps its place", async () => {
  await using quiet = quietSystem();
  const received = new Received<number>();
  const worker = Behaviors.supervise(received.behavior(undefined, 0));
  const pool = quiet.system.spawn(Routers.pool(2, worker), "pool");
  for (const message of [0, 1, 2, 3]) pool.tell(message);
  await quiet.settle();
  assertEquals([received.of("/pool/routee-1"), received.of("/pool/routee-2")], [[2], [1, 3]]);
});

Deno.test("a child that escalates restarts the pool, with all its children", async () => {
  await using quiet = quietSystem();
  const received = new Received<number>();
  const worker = Behaviors.supervise(received.behavior(undefined, 0), {
    decider: () => "escalate",
  });
  const pool = quiet.system.spawn(Behaviors.supervise(Routers.pool(2, worker)), "pool");
  pool.tell(1);
  pool.tell(0);
  await quiet.settle();
  tellNumbers(pool, 2);
  await quiet.settle();
  assertEquals([received.of("/pool/routee-1"), received.of("/pool/routee-2")], [[1, 1], [2]]);
});

Deno.test("a message whose key, or whose broadcast, cannot be decided is lost, and no other", async () => {
  await using quiet = quietSystem();
  const received = new Received<number>();
  const strategy = consistentHash((message: number) => {
    if (message === 0) throw new Error("no key");
    return message === -1 ? 5 as unknown as string : "key";
  });
  const broadcast = (message: number) => {
    if (message === -2) throw new Error("cannot decide");
    return false;
  };
  const pool = quiet.system.spawn(
    Routers.pool(2, received.behavior(), { strategy, broadcast }),
    "pool",
  );
  const stopped: unknown[] = [];
  quiet.system.eventStream.subscribe("actorStopped", (event) => stopped.push(event));
  for (const message of [1, 0, 2, -1, 3, -2, 4]) pool.tell(message);
  await quiet.settle();
  assertEquals(received.all, [1, 2, 3, 4]);
  assertEquals(stopped, []);
  assertEquals(
    quiet.lost.map(({ reason, target, message }) => [reason, target, message]),
    [0, -1, -2].map((message) => ["invalidMessage", "/pool", message]),
  );
  assertBalanced(quiet.system);
});

Deno.test("an ask that cannot be routed is rejected at once", async () => {
  await using quiet = quietSystem();
  const strategy = consistentHash((): string => {
    throw new Error("no key");
  });
  const pool = quiet.system.spawn(Routers.pool(2, Behaviors.ignore(), { strategy }), "pool");
  const ask = quiet.system.ask(pool, (replyTo: ActorRef<number>) => ({ replyTo }));
  const failed = assertRejects(() => ask, AskError);
  await quiet.settle();
  assert(/invalidMessage/.test((await failed).message));
});

Deno.test("children are spawned as the options say", async () => {
  await using quiet = quietSystem();
  const received = new Received<number>();
  const behavior = Routers.pool(1, received.behavior(), {
    routeeOptions: { mailbox: { capacity: 2 } },
  });
  tellNumbers(quiet.system.spawn(behavior, "pool"), 5);
  await quiet.settle();
  assertEquals(received.all, [1, 2]);
  assertEquals(quiet.lost.map(({ reason, message }) => [reason, message]), [
    ["mailboxFull", 3],
    ["mailboxFull", 4],
    ["mailboxFull", 5],
  ]);
});

Deno.test("10 000 children are not too many, and a ledger counts each message twice", async () => {
  await using quiet = quietSystem();
  const received = new Received<number>();
  const pool = quiet.system.spawn(Routers.pool(10_000, received.behavior()), "pool");
  tellNumbers(pool, 20_000);
  await quiet.settle();
  assertEquals(received.paths.length, 10_000);
  assertEquals(received.of("/pool/routee-10000"), [10_000, 20_000]);
  assertEquals(quiet.system.ledger.snapshot().sent, 40_000);
});

Deno.test("interceptors of a pool see its messages and nothing else", async () => {
  await using quiet = quietSystem();
  const received = new Received<number>();
  const events: unknown[] = [];
  const observer = quiet.system.spawn(
    Behaviors.receive<SpyEvent>((_context, { path, event }) => {
      events.push([path, event]);
      return Behaviors.same();
    }),
    "observer",
  );
  const pool = Behaviors.spy(Routers.pool(2, received.behavior()), observer, {
    spyChildren: true,
  });
  quiet.system.spawn(pool, "pool").tell(1);
  await quiet.settle();
  assertEquals(events, [["/pool", 1], ["/pool/routee-1", 1]]);
});

Deno.test("pools may be nested, and used as a later behaviour", async () => {
  await using quiet = quietSystem();
  const received = new Received<number>();
  const nested = Routers.pool(2, Routers.pool(2, received.behavior()));
  const late: Behavior<number> = Behaviors.receive(() => nested);
  const pool = quiet.system.spawn(late, "pool");
  pool.tell(0);
  tellNumbers(pool, 4);
  await quiet.settle();
  assertEquals(received.paths.length, 4);
  assertEquals(received.of("/pool/routee-1/routee-2"), [3]);
});

Deno.test("a pool that is stopped loses nothing without a trace", async () => {
  await using quiet = quietSystem();
  const received = new Received<number>();
  const pool = quiet.system.spawn(Routers.pool(2, received.behavior()), "pool");
  tellNumbers(pool, 10);
  const stopped = quiet.system.stop(pool);
  tellNumbers(pool, 10);
  await quiet.clock.resolve(stopped);
  assertBalanced(quiet.system);
  assertEquals(received.all.length + quiet.lost.length, 20);
});

Deno.test("options that cannot be used are refused, and the error names them", () => {
  const worker = Behaviors.receive<string>(() => Behaviors.same());
  const refusal = (make: () => unknown) => assertThrows(make, CastyError);
  for (const size of [0, -1, 1.5, NaN, 10_001, "3" as unknown as number]) {
    const error = refusal(() => Routers.pool(size, worker));
    assertEquals([error.code, error.value], ["badOption", size]);
    assert(error.message.startsWith("size: "), error.message);
    assert(error.message.includes("from 1 to 10000"), error.message);
  }
  for (
    const strategy of [null, {}, { kind: "best" }, random, { kind: "consistentHash" }, "random"]
  ) {
    const error = refusal(() =>
      Routers.pool(2, worker, { strategy: strategy as RoutingStrategy<string> })
    );
    assertEquals(error.code, "badOption");
    assert(error.message.startsWith("strategy: "), error.message);
  }
  const broadcast = true as unknown as () => boolean;
  assert(refusal(() => Routers.pool(2, worker, { broadcast })).message.startsWith("broadcast: "));
  const options = null as unknown as PoolOptions<string>;
  assert(refusal(() => Routers.pool(2, worker, options)).message.startsWith("the options of "));
  for (const behavior of [undefined, "worker", () => worker]) {
    const error = refusal(() => Routers.pool(2, behavior as unknown as Behavior<string>));
    assertEquals(error.code, "badBehavior");
  }
  assertEquals(refusal(() => consistentHash("id" as unknown as () => string)).code, "badOption");
});
