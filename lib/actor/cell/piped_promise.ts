/**
 * The outcome of a promise becomes a message of an actor, translated in the actor's own turn.
 *
 * @module
 */
import { type Mapping, pipeMapping } from "../behavior/pipe_mapping.ts";
import { AdaptedMessage } from "../ref/sent_message.ts";
import type { ActorCell } from "./actor_cell.ts";
import { logFailure } from "./failure_log.ts";

/** Sends the actor what becomes of the promise. It is not idle until then. */
export function pipeTo<T>(
  cell: ActorCell,
  promise: PromiseLike<T>,
  onFulfilled: ((value: T) => unknown) | undefined,
  onRejected: Mapping | undefined,
): void {
  const parts = cell.ended ? undefined : cell.parts;
  if (parts !== undefined) parts.piped++;
  const settled = () => {
    if (parts !== undefined) parts.piped--;
  };
  Promise.resolve(promise).then(
    (value) => {
      settled();
      cell.enqueue(
        onFulfilled === undefined
          ? value
          : new AdaptedMessage(value, pipeMapping(onFulfilled, onRejected)),
      );
    },
    (reason) => {
      settled();
      if (onRejected !== undefined) cell.enqueue(new AdaptedMessage(reason, onRejected));
      else logFailure(cell, "warn", "pipeToSelf failed", { error: reason });
    },
  );
}
