/**
 * Reads the stored events of a ledger's accounts, and checks what must hold of them.
 *
 * @module
 */
import { type AccountEvent, Accounts } from "../../examples/ledger/account.ts";
import { type Journal, persistenceId } from "../../lib/persistence/mod.ts";
import { StoredForm } from "../../lib/persistence/schema.ts";

const form = new StoredForm<AccountEvent, unknown>();

/** What has happened to one transfer. */
export interface Transfer {
  debited: number;
  credited: number;
  refused: number;
  refunded: number;
}

/** A ledger as it is stored. */
export interface Ledger {
  readonly transfers: ReadonlyMap<string, Transfer>;
  readonly deposited: number;
  /** By account. */
  readonly balances: ReadonlyMap<string, number>;
}

/** Reads all accounts. */
export async function readLedger(journal: Journal, names: readonly string[]): Promise<Ledger> {
  const transfers = new Map<string, Transfer>();
  const of = (id: string): Transfer => {
    let transfer = transfers.get(id);
    if (transfer === undefined) {
      transfers.set(id, transfer = { debited: 0, credited: 0, refused: 0, refunded: 0 });
    }
    return transfer;
  };
  const balances = new Map<string, number>();
  let deposited = 0;
  for (const name of names) {
    let balance = 0;
    let seq = 0;
    for await (const stored of journal.read(persistenceId(Accounts.name, name))) {
      if (stored.seq !== ++seq) throw new Error(`${name}: ${stored.seq} instead of ${seq}`);
      if (stored.payload.length === 0) continue;
      const event = form.readEvent(stored.payload, stored.version);
      switch (event.type) {
        case "deposited":
          deposited += event.amount;
          balance += event.amount;
          break;
        case "debited":
          of(event.id).debited++;
          balance -= event.amount;
          break;
        case "credited":
          of(event.id).credited++;
          balance += event.amount;
          break;
        case "creditRefused":
          of(event.id).refused++;
          break;
        case "refunded":
          of(event.id).refunded++;
          balance += event.amount;
      }
    }
    if (balance < 0) throw new Error(`${name} has ${balance}`);
    balances.set(name, balance);
  }
  return { transfers, deposited, balances };
}

/** What is wrong with a ledger; all transfers that were begun must have ended if `ended`. */
export function faultOf(
  { transfers, deposited, balances }: Ledger,
  ended: boolean,
): string | undefined {
  let underWay = 0;
  for (const [id, { debited, credited, refused, refunded }] of transfers) {
    const told = `transfer ${id}: ${JSON.stringify({ debited, credited, refused, refunded })}`;
    if (debited !== 1 || credited + refused > 1 || refunded > refused) return told;
    if (credited + refunded === 1) continue;
    if (ended) return `${told} has not ended`;
    underWay++;
  }
  const total = [...balances.values()].reduce((sum, balance) => sum + balance, 0);
  if (underWay === 0 && total !== deposited) return `${total} instead of ${deposited}`;
  return total > deposited ? `${total}, more than ${deposited}` : undefined;
}
