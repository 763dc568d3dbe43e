/**
 * A ledger: transfers between accounts, each an entity that stores its own events. The debit and the
 * message that credits the other account are stored in one step; the message is delivered until it is
 * acknowledged, and handled once. This program starts a second process, which transfers money and is
 * killed in the middle; then it opens the same file: every transfer that was begun ends, and the money
 * adds up.
 *
 *     deno run -A examples/ledger.ts
 *
 * @module
 */
import { type ActorRef, Behaviors, ClusteredActorSystem } from "@casty/casty";
import { outboxOf, sqliteJournal } from "@casty/casty/persistence";
import { killedAfter } from "./killed_process.ts";
import { account, Accounts, type TransferAnswer } from "./ledger/account.ts";

const names = ["alice", "bob", "carol", "dave"];
const deposit = 1_000;

/** A node that runs the accounts. */
async function start(file: string) {
  const journal = await sqliteJournal(file);
  const node = await ClusteredActorSystem.start({ name: "ledger", host: "127.0.0.1", port: 0 });
  node.spawn(
    Behaviors.sharded(
      Accounts,
      (id) => account(id, journal, (other) => node.entity(Accounts, other)),
    ),
  );
  return { node, journal };
}

/** The second process: transfers again and again, and prints what was confirmed. */
async function transferUntilKilled(file: string): Promise<never> {
  const { node } = await start(file);
  const at = (name: string) => node.entity(Accounts, name);
  for (const name of names) {
    await at(name).ask((replyTo) => ({ type: "deposit", amount: deposit, replyTo }));
  }
  await at("dave").ask((replyTo) => ({ type: "close", replyTo }));
  for (let count = 1;; count++) {
    const [from, to] = [names[count % 3]!, names[Math.floor(count / 3) % 4]!];
    const transfer = (replyTo: ActorRef<TransferAnswer>) =>
      ({ type: "transfer", id: `${count}`, to, amount: count % 7, replyTo }) as const;
    console.log(`${count} ${await at(from).ask(transfer)}`);
  }
}

if (Deno.args[0] !== undefined) await transferUntilKilled(Deno.args[0]);

const folder = await Deno.makeTempDir();
const file = `${folder}/ledger.db`;
const answers = await killedAfter(import.meta.url, [file], 50);
if (!answers.some((answer) => answer.endsWith("accepted"))) {
  throw new Error("no transfer was confirmed");
}
console.log("the process was killed in the middle of its transfers");

const { node, journal } = await start(file);
const at = (name: string) => node.entity(Accounts, name);
for (;;) {
  const outboxes = await Promise.all(names.map((name) => outboxOf(node, at(name)).list()));
  if (outboxes.every(({ waiting }) => waiting === 0)) break;
  await new Promise((resolve) => setTimeout(resolve, 50));
}
console.log("every transfer that was begun has ended");

const balances = await Promise.all(
  names.map((name) => at(name).ask((replyTo) => ({ type: "balance", replyTo }))),
);
const total = balances.reduce((sum, balance) => sum + balance);
console.log(`dave's account was closed: ${balances[3]} is on it`);
console.log(`in total: ${total}`);
if (total !== deposit * names.length) throw new Error(`${total} instead of 4000: ${balances}`);

await node.shutdown();
await journal.close();
await Deno.remove(folder, { recursive: true });
