import { type ActorRef, type Behavior, Behaviors } from "@casty/casty";

/** The messages of an account. */
export type AccountMessage =
  | { type: "read"; replyTo: ActorRef<number> }
  | { type: "write"; balance: number; replyTo: ActorRef<boolean> }
  | { type: "add"; transfer: string; amount: number; replyTo: ActorRef<boolean> };

/** The initial balance of each account. */
export const openingBalance = 100;

/**
 * An account. `add` is rejected if the balance would be negative, and is idempotent per transfer.
 */
export function account(): Behavior<AccountMessage> {
  const seen = new Map<string, boolean>();
  const open = (balance: number): Behavior<AccountMessage> =>
    Behaviors.receive((_context, message) => {
      switch (message.type) {
        case "read":
          message.replyTo.tell(balance);
          return Behaviors.same();
        case "write":
          message.replyTo.tell(true);
          return open(message.balance);
        case "add": {
          const { transfer, amount, replyTo } = message;
          const done = seen.get(transfer);
          const accepted = done ?? balance + amount >= 0;
          seen.set(transfer, accepted);
          replyTo.tell(accepted);
          return done === undefined && accepted ? open(balance + amount) : Behaviors.same();
        }
      }
    });
  return open(openingBalance);
}
