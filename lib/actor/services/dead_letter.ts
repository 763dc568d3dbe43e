/** Why a message was not delivered. */
export type DeadLetterReason =
  | "noSuchActor"
  | "stopped"
  | "mailboxFull"
  | "queueFull"
  | "bufferFull"
  | "disconnected"
  | "tooLarge"
  | "notSerializable"
  | "shardMoved"
  | "noShardOwner"
  | "expired"
  | "invalidMessage"
  | "unauthorized";

/** A message that was not delivered. Published on the event stream. */
export interface DeadLetter {
  /** Names the event. */
  readonly type: "deadLetter";
  /** Why. */
  readonly reason: DeadLetterReason;
  /** Its receiver: `"/path"`, or `"host:port/path"`. */
  readonly target: string;
  /** The undelivered message. */
  readonly message: unknown;
}

/** All reasons; the type makes sure that none is missing. */
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

/** Whether a value of another system is a reason that this version knows. */
export function isDeadLetterReason(value: unknown): value is DeadLetterReason {
  return typeof value === "string" && Object.hasOwn(reasons, value);
}
