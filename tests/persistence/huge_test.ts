/** Events, states and messages that are larger than what can be stored. */
import { assert, assertEquals } from "@std/assert";
import type { AskError } from "../../lib/actor/errors.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import {
  durableState,
  eventSourced,
  type Journal,
  memoryJournal,
  outboxOf,
  PersistenceError,
  persistenceId,
} from "../../lib/persistence/mod.ts";
import { RecordedLog } from "../../lib/testkit/mod.ts";

type Keep = {
  readonly size: number;
  readonly sendTo?: ActorRef<Uint8Array>;
  readonly replyTo: ActorRef<number>;
};

/** Keeps the sizes of what it was given. */
const keeper = (journal: Journal, every = 1_000) =>
  Behaviors.supervise(
    eventSourced<Keep, Uint8Array | number, readonly number[]>({
      id: persistenceId("keeper", "a"),
      journal,
      initial: [],
      onCommand: (_context, _sizes, { size, sendTo, replyTo }, effect) =>
        sendTo === undefined
          ? effect.persist(new Uint8Array(size)).thenReply(replyTo, (sizes) => sizes.length)
          : effect.persist(size).thenSend(sendTo, new Uint8Array(size))
            .thenReply(replyTo, (sizes) => sizes.length),
      onEvent: (sizes, event) => [...sizes, typeof event === "number" ? event : event.length],
      snapshots: { every },
    }),
    { decider: () => "resume" },
  );

const keep =
  (size: number, sendTo?: ActorRef<Uint8Array>) => (replyTo: ActorRef<number>): Keep => ({
    size,
    ...(sendTo !== undefined && { sendTo }),
    replyTo,
  });

Deno.test("an event that is too large fails its command, and nothing of it is stored", async () => {
  const journal = memoryJournal();
  const logger = new RecordedLog();
  await using system = new ActorSystem({ runtime: { logger } });
  const ref = system.spawn(keeper(journal), "keeper");
  assertEquals(await system.ask(ref, keep(15 << 20)), 1);
  const { reason } = await system.ask(ref, keep(17 << 20)).then(
    () => ({ reason: "answered" }),
    (error: AskError) => error,
  );
  assertEquals(reason, "handlerFailed");
  assertEquals(await system.ask(ref, keep(5)), 2);
  const error = logger.lines.map(({ fields }) => fields.error)
    .find((error) => error instanceof PersistenceError) as PersistenceError;
  assertEquals(error.code, "tooLarge");
  assert(/^an event cannot be stored: .* 17825792 bytes exceeds/.test(error.message));
  // What bounds messages on the wire does not help here.
  assert(!error.message.includes("transport"), error.message);
});

Deno.test("a snapshot that is too large with what waits for delivery fails no command", async () => {
  const journal = memoryJournal();
  const logger = new RecordedLog();
  const run = async (sizes: readonly number[]) => {
    await using system = new ActorSystem({ runtime: { logger } });
    const nobody = system.spawn(
      eventSourced<Uint8Array, number, number>({
        id: persistenceId("nobody", "a"),
        journal: memoryJournal(),
        initial: 0,
        onCommand: (_context, _state, _message, effect) => effect.stash(),
        onEvent: (count) => count,
      }),
      "nobody",
    );
    const ref = system.spawn(keeper(journal, 1), "keeper");
    let last = 0;
    for (const size of sizes) last = await system.ask(ref, keep(size, nobody));
    return last;
  };
  assertEquals(await run([9 << 20, 9 << 20, 1]), 3);
  assert(
    logger.lines.some(({ message, fields }) =>
      message === "snapshot was not saved" && String(fields.error).includes("cannot be stored")
    ),
  );
  let stored = 0;
  for await (const { seq } of journal.read("keeper|a")) assertEquals(seq, ++stored);
  assertEquals(stored, 3);
  assertEquals(await run([1]), 4);
});

Deno.test("a message that a durable state cannot store is not sent, whatever its supervisor says", async () => {
  const journal = memoryJournal();
  await using system = new ActorSystem({ runtime: { logger: new RecordedLog() } });
  const sizes: number[] = [];
  const receiver = system.spawn(
    eventSourced<Uint8Array, number, number>({
      id: persistenceId("receiver", "a"),
      journal: memoryJournal(),
      initial: 0,
      // None is acknowledged before the last one is there.
      onCommand: (_context, _count, { length }, effect) => {
        if (!sizes.includes(length)) sizes.push(length);
        return length === 3 ? effect.persist(1) : effect.stash();
      },
      onEvent: (count) => count + 1,
    }),
    "receiver",
  );
  const sender = system.spawn(
    Behaviors.supervise(
      durableState<Keep, number>({
        id: persistenceId("sender", "a"),
        journal,
        initial: 0,
        onMessage: (_context, _last, { size, sendTo, replyTo }, effect) =>
          effect.persist(size).thenSend(sendTo!, new Uint8Array(size))
            .thenReply(replyTo, (last) => last),
      }),
      { decider: () => "resume" },
    ),
    "sender",
  );
  const send = (size: number) =>
    system.ask(sender, keep(size, receiver)).catch(({ reason }: AskError) => reason);
  assertEquals(await send(9 << 20), 9 << 20);
  assertEquals(await send(8 << 20), "handlerFailed");
  assertEquals(await send(3), 3);
  const outbox = await outboxOf(system, sender as ActorRef<never>).list();
  assertEquals(outbox.receivers[0]!.messages.map(({ message }) => (message as Uint8Array).length), [
    9 << 20,
    3,
  ]);
  assert(!sizes.includes(8 << 20), `${sizes}`);
});
