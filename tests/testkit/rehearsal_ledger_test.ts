/** Rehearses what a program with an outbox has really stored: metadata comes with its events. */
import { assert, assertEquals } from "@std/assert";
import { Behaviors, ClusteredActorSystem } from "../../mod.ts";
import { account, Accounts } from "../../examples/ledger/account.ts";
import { outboxOf, sqliteJournal } from "../../lib/persistence/mod.ts";
import { rehearse } from "../../lib/testkit/mod.ts";

Deno.test("events that come with an inbox and an outbox are replayed", async () => {
  const folder = await Deno.makeTempDir({ prefix: "casty-rehearsal-" });
  const journal = await sqliteJournal(`${folder}/ledger.db`);
  try {
    {
      await using node = await ClusteredActorSystem.start({
        name: "ledger",
        host: "127.0.0.1",
        port: 0,
      });
      const at = (id: string) => node.entity(Accounts, id);
      node.spawn(Behaviors.sharded(Accounts, (id) => account(id, journal, at)));
      for (const id of ["alice", "bob"]) {
        await at(id).ask((replyTo) => ({ type: "deposit", amount: 100, replyTo }));
      }
      for (let id = 1; id <= 10; id++) {
        await at("alice").ask((replyTo) => (
          { type: "transfer", id: `${id}`, to: "bob", amount: id, replyTo }
        ));
      }
      while ((await outboxOf(node, at("alice")).list()).waiting > 0) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
    const unreachable = () => {
      throw new Error("a rehearsal sends nothing");
    };
    const found = await rehearse(journal, {
      [Accounts.name]: (id) => account(id, journal, unreachable),
    });
    assert(found.ok, found.summary);
    const { ids, events } = found.kinds[Accounts.name]!;
    assertEquals(ids, 2);
    assert(events > 20, found.summary);
  } finally {
    await journal.close();
    await Deno.remove(folder, { recursive: true });
  }
});
