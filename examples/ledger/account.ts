/** An account that transfers money to others: the debit here and the credit there happen once, or none. */
import { type ActorRef, type Behavior, entityType } from "@casty/casty";
import { eventSourced, type Journal, persistenceId } from "@casty/casty/persistence";

/** The messages of an account. */
export type AccountMessage =
  | { type: "deposit"; amount: number; replyTo: ActorRef<number> }
  | { type: "close"; replyTo: ActorRef<string> }
  /** Answered once the debit, and the message to the other account, are durable. */
  | { type: "transfer"; id: string; to: string; amount: number; replyTo: ActorRef<TransferAnswer> }
  | { type: "balance"; replyTo: ActorRef<number> }
  /** Of the account that was debited. */
  | { type: "credit"; id: string; from: string; amount: number }
  /** Of an account that takes no credit: the money comes back. */
  | { type: "refund"; id: string; amount: number };

/** Whether a transfer was begun; then it ends, with a credit or a refund. */
export type TransferAnswer = "accepted" | "refused";

/** What has happened to an account. */
export type AccountEvent =
  | { type: "deposited"; amount: number }
  | { type: "closed" }
  | { type: "debited"; id: string; to: string; amount: number }
  | { type: "credited"; id: string; amount: number }
  | { type: "creditRefused"; id: string }
  | { type: "refunded"; id: string; amount: number };

/** The state of an account. */
export interface Account {
  readonly balance: number;
  readonly isClosed: boolean;
}

/** The kind of entity. */
export const Accounts = entityType<AccountMessage>("accounts", { numShards: 20 });

/**
 * One account.
 *
 * @param account finds other accounts, such as `(id) => node.entity(Accounts, id)`.
 */
export function account(
  id: string,
  journal: Journal,
  account: (id: string) => ActorRef<AccountMessage>,
): Behavior<AccountMessage> {
  return eventSourced<AccountMessage, AccountEvent, Account>({
    id: persistenceId(Accounts.name, id),
    journal,
    initial: { balance: 0, isClosed: false },
    onCommand(_context, { balance, isClosed }, message, effect) {
      switch (message.type) {
        case "deposit":
          return effect.persist({ type: "deposited", amount: message.amount })
            .thenReply(message.replyTo, (after) => after.balance);
        case "close":
          return effect.persist({ type: "closed" }).thenReply(message.replyTo, () => "closed");
        case "transfer": {
          const { id: transfer, to, amount, replyTo } = message;
          if (isClosed || amount > balance) return effect.reply(replyTo, "refused");
          return effect.persist({ type: "debited", id: transfer, to, amount })
            .thenSend(account(to), { type: "credit", id: transfer, from: id, amount })
            .thenReply(replyTo, (): TransferAnswer => "accepted");
        }
        case "credit": {
          const { id: transfer, from, amount } = message;
          if (!isClosed) return effect.persist({ type: "credited", id: transfer, amount });
          return effect.persist({ type: "creditRefused", id: transfer })
            .thenSend(account(from), { type: "refund", id: transfer, amount });
        }
        case "refund":
          return effect.persist({ type: "refunded", id: message.id, amount: message.amount });
        case "balance":
          return effect.reply(message.replyTo, balance);
      }
    },
    onEvent(state, event) {
      switch (event.type) {
        case "closed":
          return { ...state, isClosed: true };
        case "creditRefused":
          return state;
        case "debited":
          return { ...state, balance: state.balance - event.amount };
        default:
          return { ...state, balance: state.balance + event.amount };
      }
    },
    snapshots: { every: 50 },
  });
}
