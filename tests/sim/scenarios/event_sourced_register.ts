import { Behaviors } from "../../../lib/behaviors.ts";
import { eventSourced } from "../../../lib/persistence/mod.ts";
import type { Journal } from "../../../lib/persistence/journal.ts";
import type { Output, RegisterMessage } from "./register.ts";

/** A register whose changes are events; stored where its type is, or in `place`. */
export function eventSourcedRegister(
  place: { readonly id?: string; readonly journal?: Journal } = {},
) {
  return Behaviors.supervise(
    eventSourced<RegisterMessage, number, number>({
      ...place,
      initial: 0,
      onCommand(_context, value, { input, replyTo }, effect) {
        const sets = input.type === "write" ||
          (input.type === "compareAndSet" && input.expected === value);
        const output: Output = input.type === "read"
          ? value
          : input.type === "write"
          ? undefined
          : sets;
        const decided = sets ? effect.persist(input.value) : effect.none();
        return decided.thenReply(replyTo, () => ({ output }));
      },
      onEvent: (_value, next) => next,
      snapshots: { every: 10 },
    }),
    { maxRestarts: Infinity, backoff: { min: 20, max: 1_000, jitter: 0.2 } },
  );
}
