/** Proves the SQLite store, and a projection on it; prints what came out as one line of JSON. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import process from "node:process";
import { type ActorRef, ActorSystem, Behaviors } from "@casty/casty";
import {
  persistenceId,
  projection,
  sqliteJournal,
  sqliteProjectionStore,
} from "@casty/casty/persistence";
import { journalConformance } from "@casty/casty/testkit";

const folder = await mkdtemp(`${tmpdir()}/casty-sqlite-`);

/** The checks that the store does not pass. */
async function conformance(): Promise<{ checks: number; failed: string[] }> {
  let files = 0;
  const checks = journalConformance(async () => {
    const file = `${folder}/${files++}.db`;
    const open = [await sqliteJournal(file, { synchronous: "NORMAL" })];
    return {
      journal: open[0]!,
      reopen: async () => {
        await open.at(-1)!.close();
        open.push(await sqliteJournal(file, { synchronous: "NORMAL" }));
        return open.at(-1)!;
      },
      dispose: () => open.at(-1)!.close(),
    };
  });
  const failed: string[] = [];
  for (const { name, run } of checks) {
    await run().catch((error) => failed.push(`${name}: ${error}`));
  }
  return { checks: checks.length, failed };
}

type Deposit = { amount: number; replyTo: ActorRef<number> };

/** Three incarnations of an account, and a view of its deposits. */
async function account(): Promise<unknown> {
  const balances: number[] = [];
  for (let round = 0; round < 3; round++) {
    const journal = await sqliteJournal(`${folder}/bank.db`);
    const system = new ActorSystem({ name: "bank" });
    const behavior = Behaviors.eventSourced<Deposit, number, number>({
      id: persistenceId("account", "alice"),
      journal,
      initial: 0,
      onCommand: (_context, _balance, { amount, replyTo }, effect) =>
        effect.persist(amount).thenReply(replyTo, (balance) => balance),
      onEvent: (balance, amount) => balance + amount,
      snapshots: { every: 2 },
    });
    const ref = system.spawn(behavior, "alice");
    balances.push(await system.ask(ref, (replyTo: ActorRef<number>) => ({ amount: 5, replyTo })));
    await system.shutdown();
    await journal.close();
  }
  const journal = await sqliteJournal(`${folder}/bank.db`);
  const store = await sqliteProjectionStore(`${folder}/views.db`);
  store.database.exec("create table seen (seq integer primary key, amount integer)");
  const system = new ActorSystem({ name: "views" });
  projection<number, typeof store.database>({
    name: "seen",
    journal,
    store,
    handle: ({ seq, event }) =>
      void store.database.prepare("insert into seen values (?, ?)").run(seq, event),
  }).start(system);
  const sum = store.database.prepare("select count(*) as count, sum(amount) as sum from seen");
  while ((sum.get() as { count: number }).count < 3) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const seen = { ...sum.get() as object };
  await system.shutdown();
  await store.close();
  await journal.close();
  return { balances, seen };
}

console.log(JSON.stringify({ ...(await conformance()), account: await account() }));
await rm(folder, { recursive: true });
process.exit(0);
