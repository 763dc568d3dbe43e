import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { sqliteJournal } from "../../lib/persistence/mod.ts";
import { accountOn } from "./killed_account.ts";

/** What a child has printed: the highest balance that each account has confirmed. */
type Confirmed = ReadonlyMap<string, number>;

/** Starts the child on a file, and gives its lines until it ends. */
function start(file: string) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", new URL("killed_child.ts", import.meta.url).pathname, file],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = async function* () {
    let text = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      const complete = (text + chunk).split("\n");
      text = complete.pop()!;
      yield* complete;
    }
    await child.status;
  };
  return { child, lines: lines() };
}

/**
 * Runs the child until it has confirmed so many deposits, and kills it in the middle.
 *
 * `isLocked`: before that the file is locked, so that nothing can be committed, and the child goes on
 * for a while. What it confirms then cannot be there later.
 */
async function killAfter(count: number, file: string, isLocked: boolean): Promise<Confirmed> {
  const { child, lines } = start(file);
  const confirmed = new Map<string, number>();
  let left = count;
  /** Lines `alive` that are still waited for. */
  let alive = 40;
  let lock: DatabaseSync | undefined;
  try {
    for await (const line of lines) {
      const [account, balance] = line.split(" ");
      // What the pipe holds after the kill was confirmed as well.
      if (balance !== undefined) {
        confirmed.set(account!, Math.max(confirmed.get(account!) ?? 0, Number(balance)));
        left--;
      }
      if (left > 0) continue;
      if (isLocked && lock === undefined) {
        lock = new DatabaseSync(file, { timeout: 10_000 });
        lock.exec("begin immediate");
      } else if (!isLocked || line === "alive" && --alive === 0) {
        child.kill("SIGKILL");
      }
    }
  } finally {
    lock?.close();
  }
  return confirmed;
}

Deno.test("SQLite: after kill -9 under load every confirmed deposit is there, and none twice", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/bank.db`;
  const before = new Map<string, number>();
  for (const [count, isLocked] of [[60, false], [200, true], [350, false], [100, true]] as const) {
    const confirmed = await killAfter(count, file, isLocked);
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
