/** A look at the clock costs as much as some messages. */
import { setImmediate } from "node:timers";
import { assert, assertEquals } from "@std/assert";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { Ref } from "../../lib/actor/ref/ref.ts";
import { SentMessage } from "../../lib/actor/ref/sent_message.ts";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { internalsOf } from "../../lib/actor/system/system_internals.ts";
import { systemClock } from "../../lib/runtime/system_clock.ts";

/** Resolves when the condition holds; looks after each turn of the event loop. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** A clock that counts its reads, and that handlers set forward. */
class CountingClock {
  readonly isReal: boolean;
  time = 1_000;
  reads = 0;
  readonly wallTime = () => this.time;
  readonly schedule = systemClock.schedule;
  readonly defer = systemClock.defer;
  readonly yield = systemClock.yield;

  constructor(isReal: boolean) {
    this.isReal = isReal;
  }

  readonly now = (): number => {
    this.reads++;
    return this.time;
  };
}

/** Delivers messages with a deadline in 5 s, of which each handler takes `time`. */
async function handled(clock: CountingClock, count: number, time: number): Promise<number> {
  await using system = new ActorSystem({ runtime: { clock } });
  let seen = 0;
  system.spawn(
    Behaviors.receive<number>(() => {
      seen++;
      clock.time += time;
      return Behaviors.same();
    }),
    "it",
  );
  const { deliver } = internalsOf(system);
  const deadline = clock.time + 5_000;
  for (let n = 0; n < count; n++) deliver("/it", 0, new SentMessage(undefined, n, deadline));
  const { ledger } = system;
  const lost = () => ledger.snapshot().deadLetters.expired ?? 0;
  await until(() => seen + lost() === count);
  return seen;
}

Deno.test("one look at the clock is enough for the deadlines of some messages", async () => {
  const clock = new CountingClock(true);
  assertEquals(await handled(clock, 1_000, 0), 1_000);
  assert(clock.reads < 150, `${clock.reads} reads`);
});

Deno.test("an actor with slow handlers handles few messages whose askers have given up", async () => {
  // On virtual time none.
  assertEquals(await handled(new CountingClock(false), 1_000, 1_000), 5);
  const count = await handled(new CountingClock(true), 1_000, 1_000);
  assert(count >= 5 && count <= 5 + 15, `${count}`);
});

Deno.test("the reply references of very many asks are found, and none once it is answered", async () => {
  await using system = new ActorSystem();
  const pending: Ref<unknown>[] = [];
  const keeping = system.spawn(
    Behaviors.receive<ActorRef<number>>((_context, replyTo) => {
      assert(replyTo instanceof Ref && replyTo.uid > 0);
      pending.push(replyTo as Ref<unknown>);
      return Behaviors.same();
    }),
    "keeping",
  );
  const count = 5_000;
  const asks = Array.from(
    { length: count },
    () => system.ask(keeping, (replyTo: ActorRef<number>) => replyTo),
  );
  await until(() => pending.length === count);
  const { resolve } = internalsOf(system);
  const addresses = pending.map(({ path, uid }) => ({ path, uid }));
  for (const [n, { path, uid }] of addresses.entries()) {
    assertEquals(resolve(path, uid), pending[n]);
  }
  // Those in between first: the places of the others stay theirs.
  for (let n = 0; n < count; n += 2) pending[n]!.tell(n);
  for (const [n, { path, uid }] of addresses.entries()) {
    assertEquals(resolve(path, uid), n % 2 === 0 ? undefined : pending[n]);
  }
  for (let n = 1; n < count; n += 2) pending[n]!.tell(n);
  assertEquals(await Promise.all(asks), Array.from({ length: count }, (_, n) => n));
  assertEquals(addresses.filter(({ path, uid }) => resolve(path, uid) !== undefined), []);
});
