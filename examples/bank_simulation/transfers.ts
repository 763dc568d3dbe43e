import { type ActorRef, type ActorSystem, type ShardEnvelope, shardEnvelope } from "../../mod.ts";
import type { AccountMessage } from "./accounts.ts";

/** One teller: a node, and its way to the accounts. */
export interface Teller {
  readonly system: ActorSystem;
  readonly accounts: ActorRef<ShardEnvelope<AccountMessage>>;
  /** Waits so many milliseconds of the simulation. */
  readonly sleep: (ms: number) => Promise<void>;
}

/** Moves an amount from one account to another. */
export type Transfer = (
  teller: Teller,
  id: string,
  from: string,
  to: string,
  amount: number,
) => Promise<void>;

/** Reads both, then writes both: right, as long as nobody else does the same meanwhile. */
export const naiveTransfer: Transfer = async (teller, _id, from, to, amount) => {
  const has = await readBalance(teller, from);
  const had = await readBalance(teller, to);
  if (has < amount) return;
  await write(teller, from, has - amount);
  await write(teller, to, had + amount);
};

/** Lets each account do its own sum, and repeats what may have been lost. */
export const safeTransfer: Transfer = async (teller, id, from, to, amount) => {
  if (!await add(teller, from, `${id} out`, -amount)) return;
  await add(teller, to, `${id} in`, amount);
};

/** What an account holds. */
export function readBalance(teller: Teller, id: string): Promise<number> {
  return ask(teller, id, (replyTo: ActorRef<number>) => ({ type: "read", replyTo }));
}

function write(teller: Teller, id: string, balance: number): Promise<boolean> {
  return ask(teller, id, (replyTo: ActorRef<boolean>) => ({ type: "write", balance, replyTo }));
}

function add(teller: Teller, id: string, transfer: string, amount: number): Promise<boolean> {
  return ask(teller, id, (replyTo: ActorRef<boolean>) => {
    return { type: "add", transfer, amount, replyTo };
  });
}

/** Asks until there is an answer: a question or its answer may be lost with a connection. */
async function ask<R>(
  { system, accounts, sleep }: Teller,
  id: string,
  question: (replyTo: ActorRef<R>) => AccountMessage,
): Promise<R> {
  for (let attempt = 1;; attempt++) {
    try {
      return await system.ask(
        accounts,
        (replyTo: ActorRef<R>) => shardEnvelope(id, question(replyTo)),
        { timeout: 3_000 },
      );
    } catch (error) {
      if (attempt === 20) throw error;
      // Where no connection can be had, a question fails at once.
      await sleep(500);
    }
  }
}
