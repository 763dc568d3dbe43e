import { assert, assertEquals } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { sqliteJournal } from "../../lib/persistence/mod.ts";
import { accountOn } from "./killed_account.ts";

/** Runs the child until it has confirmed so many deposits, and kills it in the middle. */
async function killAfter(count: number, file: string): Promise<Map<string, number>> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", new URL("killed_child.ts", import.meta.url).pathname, file],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const confirmed = new Map<string, number>();
  let text = "";
  let lines = 0;
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const complete = text.split("\n");
    text = complete.pop()!;
    for (const line of complete) {
      const [account, balance] = line.split(" ");
      confirmed.set(account!, Math.max(confirmed.get(account!) ?? 0, Number(balance)));
      // What the pipe holds after that was confirmed as well, and is read below.
      if (++lines === count) child.kill("SIGKILL");
    }
  }
  await child.status;
  return confirmed;
}

Deno.test("SQLite: after kill -9 under load every confirmed deposit is there, and none twice", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/bank.db`;
  const before = new Map<string, number>();
  for (const count of [60, 200, 350]) {
    const confirmed = await killAfter(count, file);
    assert(confirmed.size === 10, `${confirmed.size} accounts have confirmed deposits`);
    await using system = new ActorSystem();
    const journal = await sqliteJournal(file);
    for (const [name, promised] of confirmed) {
      const ref = system.spawn(accountOn(journal, name), `account-${name}`);
      const balance = await system.ask(ref, (replyTo) => ({ type: "get", replyTo }));
      // One deposit may have been stored and not confirmed: each account waits for its answers.
      assert(balance === promised || balance === promised + 1, `${name}: ${balance}, ${promised}`);
      assert(balance > (before.get(name) ?? 0));
      before.set(name, balance);
      let seq = 0;
      for await (const event of journal.read(`account|${name}`)) assertEquals(event.seq, ++seq);
      assertEquals(seq, balance);
    }
    await system.shutdown();
    await journal.close();
  }
  await Deno.remove(folder, { recursive: true });
});
