import type { ActorSystem } from "../../actor/system/actor_system.ts";
import { internalsOf } from "../../actor/system/system_internals.ts";

/** Milliseconds from which on a stall of this node is worth a line. */
const notable = 1_000;
/** The part of a stall that one handler must have taken to be its cause. */
const share = 0.5;

/**
 * Logs that the event loop of this node stood still, and in which handler, if it was one: other nodes
 * have seen this node as silent meanwhile.
 *
 * @param ms for how long, up to now.
 */
export function logStall(system: ActorSystem, ms: number): void {
  if (ms < notable) return;
  const { clock, logger } = system.runtime;
  const slow = internalsOf(system).lastSlowRun();
  const isCause = slow !== undefined && slow.endedAt >= clock.now() - ms && slow.ms >= ms * share;
  const fields = isCause
    ? {
      actor: slow.actor ?? "one of several",
      ...(slow.messageType !== undefined && { message: slow.messageType }),
    }
    : { cause: "no handler of an actor: other code, garbage collection or a stopped process" };
  logger.log("warn", "cluster", "the event loop of this node stood still", {
    ms: Math.round(ms),
    ...fields,
  });
}
