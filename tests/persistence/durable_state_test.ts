import { assert, assertEquals } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import {
  durableState,
  type Journal,
  memoryJournal,
  persistenceId,
} from "../../lib/persistence/mod.ts";

type Message = { type: "set"; value: number; replyTo: ActorRef<number> } | {
  type: "get";
  replyTo: ActorRef<number>;
};

const cell = (journal: Journal) =>
  durableState<Message, { value: number }>({
    id: persistenceId("cell", "a"),
    journal,
    initial: { value: 0 },
    onMessage: (_context, { value }, message, effect) =>
      message.type === "set"
        ? effect.persist({ value: message.value })
          .thenReply(message.replyTo, (after) => after.value)
        : effect.reply(message.replyTo, value),
  });

async function eventsOf(journal: Journal): Promise<number[]> {
  const numbers: number[] = [];
  for await (const { seq } of journal.read("cell|a")) numbers.push(seq);
  return numbers;
}

Deno.test("the last state is there after the actor was stopped; earlier ones are deleted", async () => {
  await using system = new ActorSystem();
  const journal = memoryJournal();
  const ref = system.spawn(cell(journal), "a");
  for (let value = 1; value <= 250; value++) {
    assertEquals(await system.ask(ref, (replyTo) => ({ type: "set", value, replyTo })), value);
  }
  await system.stop(ref);
  const numbers = await eventsOf(journal);
  assertEquals(numbers.at(-1), 250);
  assert(numbers.length <= 100, `${numbers.length} states are kept`);
  const again = system.spawn(cell(journal), "again");
  assertEquals(await system.ask(again, (replyTo) => ({ type: "get", replyTo })), 250);
  assertEquals(await system.ask(again, (replyTo) => ({ type: "set", value: 7, replyTo })), 7);
  assertEquals((await eventsOf(journal)).at(-1), 251);
});

Deno.test("an actor that has stored nothing has its initial state", async () => {
  await using system = new ActorSystem();
  const ref = system.spawn(cell(memoryJournal()), "a");
  assertEquals(await system.ask(ref, (replyTo) => ({ type: "get", replyTo })), 0);
});

// So a standby that kept the state would have nothing to spare: it would have to confirm it with that row.
Deno.test("a start reads the row of the newest state, and nothing else", async () => {
  const journal = memoryJournal();
  const rows: number[] = [];
  const snapshots: string[] = [];
  const watched = new Proxy(journal, {
    get(store, name) {
      if (name === "loadSnapshot") snapshots.push(name);
      const member = Reflect.get(store, name);
      if (name !== "read") return typeof member === "function" ? member.bind(store) : member;
      return async function* (...args: Parameters<Journal["read"]>) {
        for await (const event of store.read(...args)) {
          rows.push(event.seq);
          yield event;
        }
      };
    },
  });
  await using system = new ActorSystem();
  const first = system.spawn(cell(watched), "first");
  for (let value = 1; value <= 20; value++) {
    await system.ask(first, (replyTo) => ({ type: "set", value, replyTo }));
  }
  await system.stop(first);
  rows.length = 0;
  const second = system.spawn(cell(watched), "second");
  assertEquals(await system.ask(second, (replyTo) => ({ type: "get", replyTo })), 20);
  assertEquals({ rows, snapshots }, { rows: [20], snapshots: [] });
});
