import type { ActorContext } from "../actor/behavior/context.ts";
import { internalsOf } from "../actor/system/system_internals.ts";

/**
 * What a router does with a message for which a function of its user has failed: that costs this
 * message and no other. It is a dead letter (`invalidMessage`), and the error is logged.
 */
export function unroutable<M>(
  { self, system }: ActorContext<M>,
): (kept: unknown, error: unknown) => void {
  const { limitedLog, deadLetter } = internalsOf(system);
  const { path } = self;
  return (kept, error) => {
    const text = "cannot route a message; dropping it";
    limitedLog.add("error", path, text, { error }, { identity: path });
    deadLetter("invalidMessage", path, kept);
  };
}
