/** An entity that works is not idle: what keeps one from being passivated, and what does not. */
import { assert, assertEquals } from "@std/assert";
import { Behaviors } from "../../lib/behaviors.ts";
import type { ActorContext } from "../../lib/actor/behavior/context.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import type { PassivationOptions } from "../../lib/sharding/region/passivation.ts";
import { shardEnvelope } from "../../lib/sharding/routing/shard_envelope.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

const idle = 1_000;
type Context = ActorContext<string>;
/** What an entity does with its first message. */
type First = (context: Context) => unknown;

/** A node with entities that are idle after a second. */
async function entities(first: First, options: Partial<PassivationOptions> = {}) {
  const cluster = new SimulatedCluster(1);
  const [node] = await cluster.start(1);
  const contexts = new Map<string, Context>();
  const starts: string[] = [];
  const log: string[] = [];
  const behavior = () =>
    Behaviors.setup<string>((context) => {
      contexts.set(context.entityId, context);
      starts.push(context.entityId);
      return Behaviors.receive<string>((_context, message) => {
        log.push(message);
        if (message !== "first") return Behaviors.same();
        const pending = first(context);
        return pending instanceof Promise ? pending.then(() => Behaviors.same()) : Behaviors.same();
      });
    });
  const ref = node!.spawn(
    Behaviors.sharded(behavior, { numShards: 4, passivation: { idle, ...options } }),
    "e",
  );
  await cluster.clock.advance(3_000);
  const start = async (id = "one") => {
    ref.tell(shardEnvelope(id, "first"));
    await cluster.clock.advance(1);
  };
  const running = () => node!.sharding.runningEntities("e").toSorted().join();
  return { cluster, node: node!, ref, contexts, starts, log, start, running };
}

/** The work of an entity, and what ends it. */
const works: Record<string, (context: Context, end: Promise<string>) => unknown> = {
  "a handler whose promise is pending": (_context, end) => end,
  "a promise for pipeToSelf": (context, end) => context.pipeToSelf(end),
  "an ask without a reply": (context, end) => {
    const slow = Behaviors.receive<ActorRef<string>>((_context, replyTo) => {
      void end.then(() => replyTo.tell("late"));
      return Behaviors.same();
    });
    const asked = context.system.spawn(slow, `slow-${context.entityId}`);
    void context.ask(asked, (replyTo: ActorRef<string>) => replyTo, { timeout: 60_000 });
  },
  "a stashed message": (context, end) => {
    context.stash.add("first");
    void end.then(() => context.self.tell("end"));
  },
  "a child whose handler is pending": (context, end) =>
    context.spawn(
      Behaviors.receive<string>(async () => {
        await end;
        return Behaviors.same();
      }),
      "child",
    ).tell("work"),
};

for (const [what, work] of Object.entries(works)) {
  Deno.test(`an entity is not idle while it has ${what}`, async () => {
    const end = Promise.withResolvers<string>();
    const { cluster, node, start, running, starts } = await entities((context) =>
      work(context, end.promise)
    );
    await start();
    // Longer than `idle` and both stop timeouts together.
    await cluster.clock.advance(40_000);
    assertEquals(running(), "one");
    assertEquals(starts, ["one"], "it has not started again");
    end.resolve("end");
    if (what === "a stashed message") {
      // The stash is emptied by its next incarnation only: stop it.
      await cluster.stop([node]);
      return;
    }
    await cluster.clock.advance(2 * idle + 500);
    assertEquals(running(), "", "it is idle in the end");
    await cluster.stop([node]);
  });
}

Deno.test("an entity that gets messages by its own reference is not idle", async () => {
  const { cluster, node, contexts, log, start, running } = await entities(() => {});
  await start();
  const { self } = contexts.get("one")!;
  for (let i = 0; i < 30; i++) {
    self.tell("tick");
    await cluster.clock.advance(300);
  }
  assertEquals(log.length, 31);
  assertEquals(node.ledger.snapshot().deadLetters, {});
  await cluster.clock.advance(2 * idle + 500);
  assertEquals(running(), "");
  await cluster.stop([node]);
});

Deno.test("an envelope keeps an entity for `idle` milliseconds, and not longer", async () => {
  const { cluster, node, start, running } = await entities(() => {});
  await start();
  await cluster.clock.advance(idle - 300);
  assertEquals(running(), "one");
  await cluster.clock.advance(600);
  assertEquals(running(), "");
  await cluster.stop([node]);
});

Deno.test("a timer keeps an entity until it has fired; one that fires again and again, for ever", async () => {
  const once = await entities(({ timers }) => timers.startSingle("t", "rings", 10_000));
  await once.start();
  await once.cluster.clock.advance(9_900);
  assertEquals(once.running(), "one");
  await once.cluster.clock.advance(200);
  assertEquals(once.log, ["first", "rings"]);
  await once.cluster.clock.advance(2 * idle + 500);
  assertEquals(once.running(), "");
  await once.cluster.stop([once.node]);

  const again = await entities(({ timers }) => timers.startFixedDelay("t", "tick", 100));
  await again.start();
  await again.cluster.clock.advance(30_000);
  assertEquals(again.running(), "one");
  again.contexts.get("one")!.timers.cancel("t");
  await again.cluster.clock.advance(2 * idle + 500);
  assertEquals(again.running(), "");
  await again.cluster.stop([again.node]);
});

Deno.test("with ignoreTimers an entity that has only timers is idle", async () => {
  const { cluster, node, start, running, log } = await entities(
    ({ timers }) => timers.startFixedDelay("t", "tick", 100),
    { ignoreTimers: true },
  );
  await start();
  await cluster.clock.advance(idle + 300);
  assertEquals(running(), "");
  assert(log.length > 5);
  await cluster.stop([node]);
});

Deno.test("a receive timeout does not keep an entity", async () => {
  const { cluster, node, start, running, log } = await entities((context) =>
    context.setReceiveTimeout(300, "quiet")
  );
  await start();
  await cluster.clock.advance(idle + 300);
  assertEquals(running(), "");
  assertEquals(log.includes("quiet"), true);
  await cluster.stop([node]);
});

Deno.test("beyond the limit an unused entity gives way, and not one that works", async () => {
  const { cluster, node, start, running } = await entities((context) => {
    if (context.entityId.startsWith("busy")) {
      context.timers.startSingle("t", "rings", 1_000_000);
    }
  }, { idle: Infinity, limit: 3 });
  for (const id of ["busy-1", "busy-2", "a", "b"]) await start(id);
  assertEquals(running(), "b,busy-1,busy-2");
  await start("c");
  assertEquals(running(), "busy-1,busy-2,c");
  // The bound holds also if all of them work.
  for (const id of ["busy-3", "busy-4"]) await start(id);
  await cluster.clock.advance(1);
  assertEquals(running().split(",").length, 3);
  assert(running().includes("busy-4"));
  await cluster.stop([node]);
});
