/**
 * Transfers money between accounts as fast as it can, with several clients, and prints the ids of the
 * transfers that were accepted, until it is killed. Arguments: the file or address of the store, and the
 * number of the round.
 *
 * @module
 */
import { account, type AccountMessage } from "../../examples/ledger/account.ts";
import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { ActorSystem } from "../../lib/actor/system/actor_system.ts";
import { Behaviors } from "../../lib/behaviors.ts";
import { type Journal, sqliteJournal } from "../../lib/persistence/mod.ts";

/** All accounts; the last one takes no credit. */
export const names = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "closed"];

/** Opens the store at a file or address. */
export async function openStore(place: string): Promise<Journal> {
  if (!place.startsWith("postgres:")) return await sqliteJournal(place);
  const { postgresJournal } = await import("../../postgres.ts");
  return await postgresJournal(place);
}

/** Starts all accounts on a store. */
export function startAccounts(system: ActorSystem, journal: Journal) {
  const refs = new Map<string, ActorRef<AccountMessage>>();
  for (const name of names) {
    const behavior = account(name, journal, (id) => refs.get(id)!);
    const supervised = Behaviors.supervise(behavior, {
      maxRestarts: Infinity,
      backoff: { min: 50, max: 500, jitter: 0.2 },
    });
    refs.set(name, system.spawn(supervised, `account-${name}`));
  }
  return refs;
}

async function work(place: string, round: string): Promise<void> {
  const system = new ActorSystem({ runtime: { logger: { log: () => {} } } });
  const refs = startAccounts(system, await openStore(place));
  if (round === "0") {
    for (const name of names.slice(0, -1)) {
      const deposit = (replyTo: ActorRef<number>) =>
        ({ type: "deposit", amount: 10_000, replyTo }) as const;
      await system.ask(refs.get(name)!, deposit);
    }
    await system.ask(refs.get("closed")!, (replyTo) => ({ type: "close", replyTo }));
  }
  const out = Deno.stdout.writable.getWriter();
  const encoder = new TextEncoder();
  await Promise.all(
    Array.from({ length: 16 }, async (_, client) => {
      for (let count = 0;; count++) {
        const id = `${round}-${client}-${count}`;
        const from = names[client % (names.length - 1)]!;
        const to = names[(client + count) % names.length]!;
        try {
          const answer = await system.ask(
            refs.get(from)!,
            (replyTo) => ({ type: "transfer", id, to, amount: count % 5, replyTo }),
          );
          if (answer === "accepted") await out.write(encoder.encode(`${id}\n`));
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
    }),
  );
}

if (import.meta.main) await work(Deno.args[0]!, Deno.args[1]!);
