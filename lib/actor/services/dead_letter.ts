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
  | "unknownType"
  | "wrongShardCount"
  | "badEntityId"
  | "noRoutee"
  | "storeUnavailable"
  | "notRecovered"
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

/**
 * All reasons; the type makes sure that none is missing. Peers of protocol versions before a reason
 * was added know another one for it.
 */
const reasons: Readonly<Record<DeadLetterReason, { readonly before?: DeadLetterReason }>> = {
  noSuchActor: {},
  stopped: {},
  mailboxFull: {},
  queueFull: {},
  bufferFull: {},
  disconnected: {},
  tooLarge: {},
  notSerializable: {},
  shardMoved: {},
  noShardOwner: {},
  unknownType: { before: "noShardOwner" },
  wrongShardCount: { before: "noShardOwner" },
  badEntityId: { before: "noSuchActor" },
  noRoutee: { before: "noSuchActor" },
  storeUnavailable: { before: "stopped" },
  notRecovered: { before: "stopped" },
  expired: {},
  invalidMessage: {},
  unauthorized: {},
};

/** Whether a value of another system is a reason that this version knows. */
export function isDeadLetterReason(value: unknown): value is DeadLetterReason {
  return typeof value === "string" && Object.hasOwn(reasons, value);
}

/** The reason as every version knows it. */
export function oldestNameOf(reason: DeadLetterReason): DeadLetterReason {
  return reasons[reason].before ?? reason;
}
