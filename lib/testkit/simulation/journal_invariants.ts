import type { BrokenDurability } from "./journal_ledger.ts";
import type { Invariant } from "./invariant.ts";

function kept(promise: BrokenDurability["promise"]): Invariant {
  let checked = 0;
  return {
    name: promise,
    on: "second",
    check: ({ database: { broken } }) => {
      for (; checked < broken.length; checked++) {
        if (broken[checked]!.promise === promise) return broken[checked]!.text;
      }
    },
  };
}

/** What a store has acknowledged is there after each failure, and at the end. */
export function noAcknowledgedEventLost(): Invariant {
  return kept("noAcknowledgedEventLost");
}

/** No event is stored a second time, as after a repeated append whose first outcome was unknown. */
export function noEventStoredTwice(): Invariant {
  return kept("noEventStoredTwice");
}

/** Nothing is stored by a writer after one with a higher epoch has opened its id. */
export function oneWriter(): Invariant {
  return kept("oneWriter");
}
