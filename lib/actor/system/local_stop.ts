import { EndingRef } from "../ref/ending_ref.ts";
import { LocalRef } from "../ref/local_ref.ts";
import type { ActorRef } from "../ref/ref.ts";

/**
 * Calls back when a local actor has stopped, at once if it has already. A message adapter has
 * stopped as well when its actor has begun again. Answers how to take that back; `undefined` if the
 * actor is not a local one.
 */
export function whenLocalStopped(
  target: ActorRef<never>,
  callback: () => void,
): (() => void) | undefined {
  if (target instanceof EndingRef) return target.whenStopped(callback);
  return target instanceof LocalRef ? target.cell.whenStopped(callback) : undefined;
}
