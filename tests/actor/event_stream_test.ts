import { assertEquals } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import type { DeadLetter } from "../../lib/actor/services/dead_letter.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";

function manual() {
  const clock = new ManualClock();
  return { clock, system: new ActorSystem({ runtime: { clock, logger: silentLogger } }) };
}

Deno.test("an actor receives events until it stops", async () => {
  const { clock, system } = manual();
  const heard: unknown[] = [];
  const listener = system.spawn(
    Behaviors.receive<DeadLetter>((_context, { message }) => {
      heard.push(message);
      return Behaviors.same();
    }),
    "listener",
  );
  system.eventStream.subscribe("deadLetter", listener);
  const short = system.spawn(Behaviors.stopped(), "short");
  await clock.advance(0);
  short.tell("one");
  await clock.advance(0);
  await clock.resolve(system.stop(listener));
  assertEquals(system.eventStream.hasListeners("deadLetter"), false);
  short.tell("two");
  assertEquals(heard, ["one"]);
  await clock.resolve(system.shutdown());
});

Deno.test("a listener that loses dead letters itself does not go round in circles", async () => {
  const { clock, system } = manual();
  const short = system.spawn(Behaviors.stopped(), "short");
  await clock.advance(0);
  let heard = 0;
  system.eventStream.subscribe("deadLetter", () => {
    heard++;
    short.tell("again");
  });
  short.tell("once");
  assertEquals(heard, 1);
  assertEquals(system.ledger.snapshot().deadLetters, { stopped: 2 });
  await clock.resolve(system.shutdown());
});
