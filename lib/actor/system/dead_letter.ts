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
  /** Whom it was for: `"/path"`, or `"host:port/path"`. */
  readonly target: string;
  /** What was not delivered. */
  readonly message: unknown;
}
