import type { DeadLetterReason } from "../actor/system/dead_letter.ts";

/** All of them; the type makes sure that none is left out. */
const reasons: Readonly<Record<DeadLetterReason, true>> = {
  noSuchActor: true,
  stopped: true,
  mailboxFull: true,
  queueFull: true,
  bufferFull: true,
  disconnected: true,
  tooLarge: true,
  notSerializable: true,
  shardMoved: true,
  noShardOwner: true,
  expired: true,
  invalidMessage: true,
  unauthorized: true,
};

/** Whether a value that has come from elsewhere is a reason that this version knows. */
export function isDeadLetterReason(value: unknown): value is DeadLetterReason {
  return typeof value === "string" && Object.hasOwn(reasons, value);
}
