import { type ActorRef, type ActorSystem, type ShardEnvelope, shardEnvelope } from "@casty/casty";
import type { AccountMessage } from "./accounts.ts";

/** One teller: a node, and the reference of the accounts. */
export interface Teller {
  readonly system: ActorSystem;
  readonly accounts: ActorRef<ShardEnvelope<AccountMessage>>;
  /** Waits for virtual milliseconds. */
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

/** Reads both balances, then writes both: correct only without concurrent transfers. */
export const naiveTransfer: Transfer = async (teller, _id, from, to, amount) => {
  const has = await readBalance(teller, from);
  const had = await readBalance(teller, to);
  if (has < amount) return;
  await write(teller, from, has - amount);
  await write(teller, to, had + amount);
};

/** Sends each account the amount to add. The id makes retries idempotent. */
export const safeTransfer: Transfer = async (teller, id, from, to, amount) => {
  if (!await add(teller, from, `${id} out`, -amount)) return;
  await add(teller, to, `${id} in`, amount);
};

/** The balance of an account. */
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

/** Retries until a reply arrives: a connection may lose the ask or its reply. */
async function ask<R>(
  { system, accounts, sleep }: Teller,
  id: string,
  message: (replyTo: ActorRef<R>) => AccountMessage,
): Promise<R> {
  for (let attempt = 1;; attempt++) {
    try {
      return await system.ask(
        accounts,
        (replyTo: ActorRef<R>) => shardEnvelope(id, message(replyTo)),
        { timeout: 3_000 },
      );
    } catch (error) {
      if (attempt === 20) throw error;
      // Without a connection an ask fails immediately.
      await sleep(500);
    }
  }
}
