import type { ActorRef } from "../../lib/actor/ref/ref.ts";
import { eventSourced, type Journal, persistenceId } from "../../lib/persistence/mod.ts";

/** A deposit of 1, or a question. */
export type AccountCommand = {
  readonly type: "deposit" | "get";
  readonly replyTo: ActorRef<number>;
};

/** An account that counts its deposits. */
export function accountOn(journal: Journal, name: string) {
  return eventSourced<AccountCommand, "deposited", number>({
    id: persistenceId("account", name),
    journal,
    initial: 0,
    onCommand: (_context, balance, { type, replyTo }, effect) =>
      type === "get"
        ? effect.reply(replyTo, balance)
        : effect.persist("deposited").thenReply(replyTo, (after) => after),
    onEvent: (balance) => balance + 1,
    snapshots: { every: 20 },
  });
}
