import { assert } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";

function quiet(): ActorSystem {
  return new ActorSystem({ runtime: { logger: silentLogger } });
}

/** Resolves by a timer of the machine: hangs if the microtask queue never ends. */
const timer = () => new Promise((resolve) => setTimeout(resolve, 1));

Deno.test("actors that wake each other through promises leave timers alive", async () => {
  await using system = quiet();
  const endless = Behaviors.receive<number>(async (context, message) => {
    await undefined;
    context.self.tell(message + 1);
    return Behaviors.same();
  });
  const ref = system.spawn(endless, "endless");
  ref.tell(0);
  await timer();
  assert(system.ledger.delivered > 0);
  await system.stop(ref);
});

Deno.test("asks without end leave timers alive", async () => {
  await using system = quiet();
  const ref = system.spawn(
    Behaviors.receive<ActorRef<number>>((_context, replyTo) => {
      replyTo.tell(1);
      return Behaviors.same();
    }),
    "answering",
  );
  let over = false;
  const asking = (async () => {
    while (!over) await system.ask(ref, (replyTo: ActorRef<number>) => replyTo);
  })();
  await timer();
  over = true;
  await asking;
});

Deno.test("slow handlers leave timers alive", async () => {
  await using system = quiet();
  let handled = 0;
  const slow = Behaviors.receive<number>(() => {
    const end = performance.now() + 1;
    while (performance.now() < end);
    handled++;
    return Behaviors.same();
  });
  const refs = Array.from({ length: 4 }, (_, i) => system.spawn(slow, `slow-${i}`));
  for (let i = 0; i < 250; i++) for (const ref of refs) ref.tell(i);
  await timer();
  const before = handled;
  await timer();
  // The first turn is a surprise; from then on turns are as short as the handlers are slow.
  assert(before < 500, `${before} messages of 1 ms were handled before a timer of 1 ms`);
  assert(handled - before < 100, `${handled - before} messages before the second timer`);
});

Deno.test("a flood lets virtual time go on", async () => {
  const clock = new ManualClock();
  const system = new ActorSystem({ runtime: { clock, logger: silentLogger } });
  const ref = system.spawn(
    Behaviors.receive<number>((context, message) => {
      context.self.tell(message + 1);
      return Behaviors.same();
    }),
    "endless",
  );
  ref.tell(0);
  await clock.runUntil(() => system.ledger.delivered > 200_000);
  await clock.resolve(system.stop(ref));
  await clock.resolve(system.shutdown());
});
