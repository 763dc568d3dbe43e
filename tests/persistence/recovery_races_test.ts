/** What happens to a log, or to the actor, while the actor recovers. */
import { assert, assertEquals } from "@std/assert";
import type { AskError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import {
  eventSourced,
  type Journal,
  memoryJournal,
  persistenceId,
} from "../../lib/persistence/mod.ts";
import { StoredForm } from "../../lib/persistence/schema.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { ManualClock, SeededRandom } from "../../lib/testkit/mod.ts";

type Count = { readonly add: number; readonly replyTo: ActorRef<number> };

const id = persistenceId("counter", "a");
const form = new StoredForm<number, number>();

const counter = (journal: Journal) =>
  eventSourced<Count, number, number>({
    id,
    journal,
    initial: 0,
    onCommand: (_context, count, { add, replyTo }, effect) =>
      add === 0
        ? effect.reply(replyTo, count)
        : effect.persist(add).thenReply(replyTo, (after) => after),
    onEvent: (count, more) => count + more,
    snapshots: { every: 100, deleteEvents: true },
  });

/** A log of ten events with a snapshot at 2; `onSnapshot` is called when one was read. */
async function logOfTen(onSnapshot: (journal: Journal, epoch: number) => Promise<void>) {
  const inner = memoryJournal();
  const { epoch } = await inner.open(id, undefined);
  const events = Array.from({ length: 10 }, () => form.writeEvent(1, 1));
  await inner.append([{ id, expectedSeq: 0, epoch, events }]);
  await inner.saveSnapshot(id, { seq: 2, epoch, ...form.writeState(2, 1) }, 2);
  let calls = 0;
  const journal = new Proxy(inner, {
    get: (target, name) => {
      if (name === "loadSnapshot") {
        return async (...args: Parameters<Journal["loadSnapshot"]>) => {
          const snapshot = await target.loadSnapshot(...args);
          calls++;
          await onSnapshot(target, epoch + 1);
          return snapshot;
        };
      }
      const value = target[name as keyof Journal];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { journal, calls: () => calls };
}

async function total(journal: Journal): Promise<number | string> {
  await using system = new ActorSystem({ runtime: { logger: silentLogger } });
  const ref = system.spawn(counter(journal), "counter");
  return await system.ask(ref, (replyTo: ActorRef<number>) => ({ add: 0, replyTo }))
    .catch(({ details }: AskError) => String(details));
}

Deno.test("events that a snapshot replaces while they are read are no gap", async () => {
  let isSaved = false;
  const { journal } = await logOfTen(async (inner, epoch) => {
    if (isSaved) return;
    isSaved = true;
    // As the incarnation before does in the background, in the same epoch.
    await inner.saveSnapshot(id, { seq: 8, epoch, ...form.writeState(8, 1) }, 1);
    await inner.deleteEvents(id, 8, epoch);
  });
  assertEquals(await total(journal), 10);
});

Deno.test("events that are missing behind the newest snapshot are told, and not looked for again", async () => {
  let isDeleted = false;
  const { journal, calls } = await logOfTen(async (inner, epoch) => {
    if (isDeleted) return;
    isDeleted = true;
    await inner.deleteEvents(id, 5, epoch);
  });
  assertEquals(await total(journal), "missingEvent of counter|a");
  assertEquals(calls(), 2);
});

Deno.test("a corrupt snapshot in the place of its events is told, after one more look", async () => {
  let isSaved = false;
  const { journal, calls } = await logOfTen(async (inner, epoch) => {
    if (isSaved) return;
    isSaved = true;
    const snapshot = { seq: 8, epoch, ...form.writeState(8, 1), checksum: 1 };
    await inner.saveSnapshot(id, snapshot, 2);
    await inner.deleteEvents(id, 8, epoch);
  });
  assertEquals(await total(journal), "missingEvent of counter|a");
  assert(calls() < 10, `${calls()} snapshots were read`);
});

for (const what of ["deliver", "remind"] as const) {
  Deno.test(`an actor that is stopped while it recovers does not ${what}`, async () => {
    const clock = new ManualClock();
    const inner = memoryJournal();
    let release: (() => void) | undefined;
    let holds = false;
    const journal = new Proxy(inner, {
      get: (target, name) => {
        if (name === "open" && holds) {
          return async (...args: Parameters<Journal["open"]>) => {
            await new Promise<void>((resolve) => release = resolve);
            return await target.open(...args);
          };
        }
        const value = target[name as keyof Journal];
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const sender = (receiver: ActorRef<string>) =>
      eventSourced<"send" | "ring", number, number>({
        id: persistenceId("sender", "a"),
        journal,
        initial: 0,
        onCommand({ reminders }, _state, command, effect) {
          if (command === "ring") return effect.persist(1);
          if (what === "deliver") return effect.persist(1).thenSend(receiver, "hello");
          reminders.every("bell", 60_000, "ring");
          return effect.persist(1);
        },
        onEvent: (count) => count + 1,
      });
    const system = new ActorSystem({
      runtime: { clock, random: new SeededRandom(1), logger: silentLogger },
      stopTimeout: 1_000,
    });
    let received = 0;
    // The message is never acknowledged: each incarnation sends it again.
    const nobody = system.spawn(
      eventSourced<string, number, number>({
        id: persistenceId("receiver", "a"),
        journal: memoryJournal(),
        initial: 0,
        onCommand: (_context, _state, _message, effect) => {
          received++;
          return effect.stash();
        },
        onEvent: (count) => count,
      }),
      "nobody",
    );
    const first = system.spawn(sender(nobody), "sender");
    first.tell("send");
    await clock.advance(10);
    await clock.resolve(system.stop(first));
    holds = true;
    const second = system.spawn(sender(nobody), "sender");
    await clock.advance(10);
    const stopped = system.stop(second);
    await clock.advance(2_000);
    await stopped;
    const [before, timers] = [received, clock.pending];
    release!();
    await clock.advance(10);
    assertEquals(received, before);
    assertEquals(clock.pending, timers);
    await clock.resolve(system.shutdown());
  });
}

Deno.test("an actor that is stopped before its turn to recover does not fence a later one", async () => {
  const clock = new ManualClock();
  const inner = memoryJournal();
  const opened: string[] = [];
  let release: (() => void) | undefined;
  const journal = new Proxy(inner, {
    get: (target, name) => {
      if (name === "open") {
        return async (...args: Parameters<Journal["open"]>) => {
          opened.push(args[0]);
          if (args[0] === "slow|a") await new Promise<void>((resolve) => release = resolve);
          return await target.open(...args);
        };
      }
      const value = target[name as keyof Journal];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const system = new ActorSystem({
    runtime: { clock, random: new SeededRandom(1), logger: silentLogger },
    persistence: { journal, maxRecoveries: 1 },
    stopTimeout: 1_000,
  });
  const slow = Behaviors.eventSourced<Count, number, number>({
    id: "slow|a",
    initial: 0,
    onCommand: (_context, _count, _command, effect) => effect.none(),
    onEvent: (count) => count,
  });
  system.spawn(slow, "slow");
  await clock.advance(10);
  const first = system.spawn(counter(journal), "counter");
  await clock.advance(10);
  const stopped = system.stop(first);
  await clock.advance(2_000);
  await stopped;
  const second = system.spawn(counter(journal), "counter");
  release!();
  const add = () => system.ask(second, (replyTo: ActorRef<number>) => ({ add: 1, replyTo }));
  assertEquals(await clock.resolve(add()), 1);
  assertEquals(await clock.resolve(add()), 2);
  assertEquals(opened, ["slow|a", id]);
  await clock.resolve(system.shutdown());
});
