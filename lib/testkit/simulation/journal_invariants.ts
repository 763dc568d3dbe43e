import type { BrokenDurability } from "./journal_ledger.ts";
import type { Invariant } from "./invariant.ts";

function kept(promise: BrokenDurability["promise"]): Invariant {
  let checked = 0;
  return {
    name: promise,
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

/**
 * What a durable actor says leaves it only when its store has acknowledged all events that it is based on:
 * replies, messages, callbacks, and acknowledgements of what it has handled. What `onCommand` sends by
 * itself is no output in this sense: it is never held back.
 */
export function repliesOnlyAfterDurable(): Invariant {
  return kept("repliesOnlyAfterDurable");
}
