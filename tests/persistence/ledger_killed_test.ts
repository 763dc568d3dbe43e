import { assert, assertEquals } from "@std/assert";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { outboxOf } from "../../lib/persistence/mod.ts";
import { faultOf, readLedger } from "./ledger_check.ts";
import { names, openStore, startAccounts } from "./ledger_child.ts";
import { missing, PostgresServer } from "./postgres_server.ts";

/** Runs the child until so many transfers were accepted, and kills it in the middle. */
async function killAfter(
  count: number,
  place: string,
  round: number,
  halfway: () => Promise<void> = async () => {},
): Promise<string[]> {
  const script = new URL("ledger_child.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script, place, String(round)],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const accepted: string[] = [];
  let text = "";
  let half: Promise<void> | undefined;
  let isKilled = false;
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const complete = text.split("\n");
    text = complete.pop()!;
    accepted.push(...complete);
    if (accepted.length >= count / 2 && half === undefined) {
      half = halfway();
      // It is awaited below; until then a failure is not reported as unhandled.
      half.catch(() => {});
    }
    // What the pipe holds after that was accepted as well.
    if (accepted.length < count || isKilled) continue;
    isKilled = true;
    await half;
    child.kill("SIGKILL");
  }
  await child.status;
  return accepted;
}

/** Starts the accounts once more, until all that was begun has ended. */
async function finish(place: string): Promise<void> {
  await using system = new ActorSystem();
  const journal = await openStore(place);
  const refs = startAccounts(system, journal);
  let waiting = 1;
  for (let tries = 0; waiting > 0 && tries < 400; tries++) {
    const reports = await Promise.all(
      names.map((name) => outboxOf(system, refs.get(name)!, { timeout: 30_000 }).list()),
    );
    waiting = reports.reduce((sum, report) => sum + report.waiting, 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assertEquals(waiting, 0);
  await system.shutdown();
  await journal.close();
}

async function checkRounds(
  place: string,
  halfway?: (round: number) => Promise<void>,
): Promise<void> {
  const accepted = new Set<string>();
  for (const [round, count] of [100, 300, 250].entries()) {
    for (
      const id of await killAfter(count, place, round, () => halfway?.(round) ?? Promise.resolve())
    ) {
      accepted.add(id);
    }
    const journal = await openStore(place);
    assertEquals(faultOf(await readLedger(journal, names), false), undefined);
    await journal.close();
  }
  await finish(place);
  const journal = await openStore(place);
  const ledger = await readLedger(journal, names);
  await journal.close();
  assertEquals(faultOf(ledger, true), undefined);
  assertEquals(ledger.deposited, 90_000);
  const lost = [...accepted].filter((id) => !ledger.transfers.has(id));
  assertEquals(lost, [], "accepted, and not there");
  assert(accepted.size >= 650 && [...ledger.transfers.values()].some(({ refused }) => refused > 0));
}

Deno.test("SQLite: a ledger adds up after kill -9 under load, each transfer happened once", async () => {
  const folder = await Deno.makeTempDir();
  await checkRounds(`${folder}/ledger.db`);
  await Deno.remove(folder, { recursive: true });
});

Deno.test({
  name: missing === undefined
    ? "PostgreSQL: a ledger adds up after kill -9 of process and server, each transfer happened once"
    : `PostgreSQL: a ledger after kill -9 (skipped: ${missing})`,
  ignore: missing !== undefined,
  fn: async () => {
    await using server = await PostgresServer.create();
    await checkRounds(server.url, async (round) => {
      if (round !== 1) return;
      await server.kill();
      await server.start();
    });
  },
});
