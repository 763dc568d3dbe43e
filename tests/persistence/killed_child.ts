/**
 * Deposits to ten accounts on SQLite as fast as it can, and prints each balance that it was told, until
 * it is killed; between them a line `alive` every 5 ms. Its argument is the file.
 *
 * @module
 */
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { sqliteJournal } from "../../lib/persistence/mod.ts";
import { accountOn } from "./killed_account.ts";

const journal = await sqliteJournal(Deno.args[0]!);
const system = new ActorSystem();
const out = Deno.stdout.writable.getWriter();
const encoder = new TextEncoder();
setInterval(() => void out.write(encoder.encode("alive\n")), 5);
await Promise.all(
  Array.from({ length: 10 }, async (_, n) => {
    const ref = system.spawn(accountOn(journal, `${n}`), `account-${n}`);
    for (;;) {
      const deposit = (replyTo: ActorRef<number>) => ({ type: "deposit" as const, replyTo });
      const balance = await system.ask(ref, deposit);
      await out.write(encoder.encode(`${n} ${balance}\n`));
    }
  }),
);
