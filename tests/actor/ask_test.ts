import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/actor/behavior/behaviors.ts";
import type { DeadLetter } from "../../lib/actor/services/dead_letter.ts";
import { ActorError, AskError } from "../../lib/actor/errors.ts";
import { internalsOf } from "../../lib/actor/system/system_internals.ts";
import type { ActorRef, Ref } from "../../lib/actor/ref/ref.ts";
import { askPath } from "../../lib/actor/ref/reply_path.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { ManualClock } from "../../lib/testkit/manual_clock.ts";
import { VirtualSystem } from "./virtual_system.ts";
import { OptionError } from "../../lib/options/option_error.ts";

type Request = { type: "get"; replyTo: ActorRef<number> };

const get = (replyTo: ActorRef<number>): Request => ({ type: "get", replyTo });

function manual(options: { maxPendingAsks?: number } = {}) {
  const clock = new ManualClock();
  return {
    clock,
    system: new ActorSystem({ ...options, runtime: { clock, logger: silentLogger } }),
  };
}

Deno.test("every ask times out exactly on time, and no timer is left", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          at: fc.integer({ min: 0, max: 50 }),
          timeout: fc.constantFrom(10, 25, 40),
          answered: fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined }),
        }),
        { maxLength: 20 },
      ),
      async (asks) => {
        const { clock, system } = manual();
        const ends: string[] = [];
        const ref = system.spawn(Behaviors.ignore(), "silent");
        asks.forEach(({ at, timeout, answered }, index) => {
          clock.schedule(at, () => {
            system.ask(ref, (replyTo: ActorRef<number>) => {
              if (answered !== undefined) clock.schedule(answered, () => replyTo.tell(index));
              return 0;
            }, { timeout }).then(
              () => ends.push(`${index} answered ${clock.now()}`),
              () => ends.push(`${index} late ${clock.now()}`),
            );
          });
        });
        await clock.advance(200);
        const expected = asks.map(({ at, timeout, answered }, index) =>
          answered !== undefined && answered < timeout
            ? `${index} answered ${at + answered}`
            : `${index} late ${at + timeout}`
        );
        // At the very instant of the deadline either may be first.
        const clear = (text: string) => {
          const { timeout, answered } = asks[Number(text.split(" ")[0])]!;
          return answered !== timeout;
        };
        assertEquals(ends.filter(clear).toSorted(), expected.filter(clear).toSorted());
        assertEquals(ends.length, asks.length);
        // Late replies after the first are counted, and their number is logged a minute later.
        const counting = (system.ledger.deadLetters.get("expired") ?? 0) > 1 ? 1 : 0;
        assertEquals(clock.pending, counting);
        await clock.resolve(system.shutdown());
        assertEquals(clock.pending, 0);
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("an ask whose message is lost fails at once with the reason", async () => {
  const { clock, system } = manual();
  const ref = system.spawn(Behaviors.receive<Request>(() => Behaviors.stopped()), "once", {
    mailbox: { capacity: 2, overflow: "reject" },
  });
  const [handled, waiting, full] = [1, 2, 3].map(() => system.ask(ref, get));
  const error = await assertRejects(() => full!, AskError);
  assertEquals(error.code, "askNotDelivered");
  assertEquals((await assertRejects(() => waiting!, AskError)).code, "askTargetDead");
  assertEquals((await assertRejects(() => handled!, AskError)).reason, "stopped");
  assertEquals(clock.now(), 0);
  await clock.resolve(system.shutdown());
});

Deno.test("replies after the first and after the deadline are dead letters, and the ledger balances", async () => {
  const { clock, system } = manual();
  const lost: DeadLetter[] = [];
  system.eventStream.subscribe("deadLetter", (letter) => lost.push(letter));
  let kept: ActorRef<number> | undefined;
  const ref = system.spawn(
    Behaviors.receive<Request>((_context, { replyTo }) => {
      kept = replyTo;
      replyTo.tell(1);
      replyTo.tell(2);
      return Behaviors.same();
    }),
    "twice",
  );
  assertEquals(await system.ask(ref, get), 1);
  kept!.tell(3);
  assertEquals(lost.map(({ reason, message }) => [reason, message]), [
    ["expired", 2],
    ["expired", 3],
  ]);
  const { sent, delivered, deadLetters, inFlight } = system.ledger.snapshot();
  assertEquals({ sent, delivered, deadLetters, inFlight }, {
    sent: 4,
    delivered: 2,
    deadLetters: { expired: 2 },
    inFlight: 0,
  });
  await clock.resolve(system.shutdown());
});

Deno.test("a reply from another system finds its ask while it is pending, and by its uid only", async () => {
  const { clock, system } = manual();
  const internals = internalsOf(system);
  const ref = system.spawn(Behaviors.ignore(), "silent");
  let replyTo: Ref<number> | undefined;
  const answer = system.ask(ref, (given: ActorRef<number>) => {
    replyTo = given as Ref<number>;
    return given;
  });
  const { path, uid } = replyTo!;
  assertEquals(internals.resolve(path, uid), replyTo as Ref<unknown>);
  assertEquals(internals.resolve(path, uid + 1), undefined);
  assertEquals(internals.resolve(`/_ask/0x${uid.toString(16)}`, 0), undefined);
  assertEquals(internals.resolve(askPath, uid), replyTo as Ref<unknown>);
  assertEquals(internals.resolve(askPath, uid + 1), undefined);
  assertEquals(internals.resolve(askPath, 0), undefined);
  internals.deliver(askPath, uid, 42);
  assertEquals(await answer, 42);
  const targets: string[] = [];
  system.eventStream.subscribe("deadLetter", ({ target }) => void targets.push(target));
  for (const form of [path, askPath]) {
    assertEquals(internals.resolve(form, uid), undefined);
    internals.deliver(form, uid, 43);
  }
  assertEquals(system.ledger.snapshot().deadLetters, { expired: 2 });
  assertEquals(targets, [path, path]);
  await clock.resolve(system.shutdown());
});

Deno.test("what cannot be asked is refused at once, and leaves nothing open", async () => {
  const { clock, system } = manual({ maxPendingAsks: 1 });
  const ref = system.spawn(Behaviors.ignore(), "silent");
  const broken = () => {
    throw new Error("no message");
  };
  await assertRejects(() => system.ask(ref, broken), Error, "no message");
  for (const timeout of [-1, NaN, Infinity]) {
    const error = await assertRejects(() => system.ask(ref, get, { timeout }), OptionError);
    assertEquals([error.code, error.option], ["badOption", "timeout"]);
  }
  const open = assertRejects(() => system.ask(ref, get), ActorError);
  assertEquals((await assertRejects(() => system.ask(ref, get), AskError)).code, "tooManyAsks");
  await clock.resolve(system.shutdown());
  assertEquals((await open).code, "systemStopped");
  await clock.advance(0);
  assertEquals(clock.pending, 0);
});

Deno.test("askOrUndefined gives undefined for a timeout, and throws what else there is", async () => {
  await using virtual = new VirtualSystem();
  const { system, clock } = virtual;
  const silent = system.spawn(Behaviors.ignore(), "silent");
  const kind = system.spawn(
    Behaviors.receive<ActorRef<string>>((_context, replyTo) => {
      replyTo.tell("yes");
      return Behaviors.same();
    }),
    "kind",
  );
  const itself = (replyTo: ActorRef<string>) => replyTo;
  assertEquals(await clock.resolve(system.askOrUndefined(kind, itself)), "yes");
  assertEquals(await clock.resolve(system.askOrUndefined(silent, itself)), undefined);
  assertEquals(clock.now(), 5_000);
  await clock.resolve(system.stop(kind));
  await assertRejects(() => system.askOrUndefined(kind, itself), AskError);
});

Deno.test("the search of a lost message for a reply reference is bounded", async () => {
  let looked = 0;
  const large = new Proxy(new Array(100_000).fill(1), {
    getOwnPropertyDescriptor: (target, key) => {
      looked++;
      return Reflect.getOwnPropertyDescriptor(target, key);
    },
    get: (target, key) => {
      if (/^\d+$/.test(String(key))) looked++;
      return Reflect.get(target, key);
    },
    ownKeys: () => {
      throw new Error("all keys were written down");
    },
  });
  const { clock, system } = manual();
  const letters: unknown[] = [];
  system.eventStream.subscribe("deadLetter", ({ message }) => void letters.push(message));
  const ref = system.spawn<unknown>(Behaviors.receive(() => Behaviors.stopped()), "gone");
  ref.tell("stop");
  ref.tell(large);
  // Bytes have a field for each.
  ref.tell(new Uint8Array(8_000_000));
  await clock.runUntil(() => letters.length === 2, 1_000);
  assert(looked <= 32, `${looked} fields were looked at`);
  await clock.resolve(system.shutdown());
});
