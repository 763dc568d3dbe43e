/**
 * State that survives: an account on SQLite. This program starts a second process, which deposits and
 * is killed in the middle; then it opens the same file, and the money that was confirmed is there.
 *
 *     deno run -A examples/bank_account.ts
 *
 * @module
 */
import { type ActorRef, ActorSystem, AskError, Behaviors } from "@casty/casty";
import { persistenceId, sqliteJournal } from "@casty/casty/persistence";
import { killedAfter } from "./killed_process.ts";

type Command =
  | { type: "deposit"; amount: number; replyTo: ActorRef<number> }
  | { type: "withdraw"; amount: number; replyTo: ActorRef<number> }
  | { type: "balance"; replyTo: ActorRef<number> };
type Event = { type: "deposited" | "withdrawn"; amount: number };

const account = (name: string) =>
  Behaviors.eventSourced<Command, Event, number>({
    id: persistenceId("account", name),
    initial: 0,
    onCommand(_context, balance, command, effect) {
      switch (command.type) {
        case "deposit":
          return effect.persist({ type: "deposited", amount: command.amount })
            .thenReply(command.replyTo, (after) => after);
        case "withdraw":
          if (command.amount > balance) return effect.refuse("not enough money");
          return effect.persist({ type: "withdrawn", amount: command.amount })
            .thenReply(command.replyTo, (after) => after);
        case "balance":
          return effect.reply(command.replyTo, balance);
      }
    },
    onEvent: (balance, { type, amount }) =>
      type === "deposited" ? balance + amount : balance - amount,
    snapshots: { every: 100 },
  });

/** The second process: deposits 10 again and again, and prints what was confirmed. */
async function depositUntilKilled(file: string): Promise<never> {
  const journal = await sqliteJournal(file);
  const system = new ActorSystem({ name: "bank", persistence: { journal } });
  const alice = system.spawn(account("alice"), "alice");
  for (;;) {
    console.log(await system.ask(alice, (replyTo) => ({ type: "deposit", amount: 10, replyTo })));
  }
}

if (Deno.args[0] !== undefined) await depositUntilKilled(Deno.args[0]);

const folder = await Deno.makeTempDir();
const file = `${folder}/bank.db`;
const confirmations = await killedAfter(import.meta.url, [file], 20);
const confirmed = Number(confirmations.at(-1));
console.log("the process was killed while it deposited");

const journal = await sqliteJournal(file);
await using system = new ActorSystem({ name: "bank", persistence: { journal } });
const alice = system.spawn(account("alice"), "alice");
const balance = await system.ask(alice, (replyTo) => ({ type: "balance", replyTo }));
// The last deposit may have been stored and not confirmed any more.
if (balance !== confirmed && balance !== confirmed + 10) {
  throw new Error(`${confirmed} was confirmed, ${balance} is there`);
}
console.log("every confirmed deposit is there");
const withdraw = (amount: number) =>
  system.ask(alice, (replyTo) => ({ type: "withdraw", amount, replyTo }));
const refused = await withdraw(9_999_999).catch((error) => error);
if (!(refused instanceof AskError)) throw new Error(`${refused} was paid out`);
console.log(`withdraw 9,999,999: ${refused.rejection?.message}`);
console.log(`withdraw all: ${await withdraw(balance)} is left`);

await system.shutdown();
await journal.close();
await Deno.remove(folder, { recursive: true });
