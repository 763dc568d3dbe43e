/** A module that declares contracts; `contracts.ts` reads its types. */
import { type ActorRef, entityType } from "@casty/casty";
import { eventSourced, memoryJournal, persistenceId } from "@casty/casty/persistence";

type Command = { type: "deposit"; amount: number; replyTo: ActorRef<number> };

export const Accounts = entityType<Command>("accounts", { numShards: 64 });

export const account = (name: string) =>
  eventSourced<Command, { amount: number; at: Date }, Map<string, bigint>>({
    id: persistenceId("account", name),
    journal: memoryJournal(),
    initial: new Map(),
    onCommand: (_context, _state, _command, effect) => effect.none(),
    onEvent: (state) => state,
  });
