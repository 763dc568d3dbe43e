/**
 * Reminders: an order that nobody pays expires, also if its service is down then. Two runs of a node on
 * one SQLite file; between them nothing runs.
 *
 *     deno run -A examples/reminders.ts
 *
 * @module
 */
import { type ActorRef, Behaviors, ClusteredActorSystem, entityType } from "@casty/casty";
import { eventSourced, type Journal, sqliteJournal } from "@casty/casty/persistence";

type Command =
  | { type: "place"; replyTo: ActorRef<string> }
  | { type: "pay"; replyTo: ActorRef<string> }
  | { type: "expire" };
type Event = { type: "placed" | "paid" | "expired" };

const Orders = entityType<Command>("orders");

/** What has expired in this process. */
const expired: string[] = [];

const order = () =>
  eventSourced<Command, Event, Event["type"] | "new">({
    initial: "new",
    onCommand({ reminders, entityId }, state, command, effect) {
      switch (command.type) {
        case "place":
          if (state !== "new") return effect.reply(command.replyTo, state);
          reminders.once("expiry", 1_000, { type: "expire" });
          return effect.persist({ type: "placed" }).thenReply(command.replyTo, (after) => after);
        case "pay":
          if (state !== "placed") return effect.reply(command.replyTo, state);
          reminders.cancel("expiry");
          return effect.persist({ type: "paid" }).thenReply(command.replyTo, (after) => after);
        case "expire":
          return effect.persist({ type: "expired" }).thenRun(() => void expired.push(entityId));
      }
    },
    onEvent: (_state, { type }) => type,
  });

async function start(journal: Journal) {
  const system = await ClusteredActorSystem.start({ name: "shop", host: "127.0.0.1", port: 0 });
  system.spawn(Behaviors.sharded(Orders, order, { journal }));
  return system;
}

const folder = await Deno.makeTempDir();
const file = `${folder}/orders.db`;

{
  const journal = await sqliteJournal(file);
  await using system = await start(journal);
  for (const id of ["books", "shoes"]) {
    await system.entity(Orders, id).ask((replyTo) => ({ type: "place", replyTo }));
  }
  const paid = await system.entity(Orders, "books").ask((replyTo) => ({ type: "pay", replyTo }));
  console.log(`books: ${paid}`);
  await system.shutdown();
  await journal.close();
}

console.log("the service is down while the order expires");
await new Promise((resolve) => setTimeout(resolve, 1_500));

{
  const journal = await sqliteJournal(file);
  await using system = await start(journal);
  const begun = Date.now();
  // Nobody asks the order: its reminder starts it.
  while (expired.length === 0 && Date.now() - begun < 20_000) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  console.log(`expired: ${expired.join(", ")}`);
  await system.shutdown();
  await journal.close();
}
await Deno.remove(folder, { recursive: true });
