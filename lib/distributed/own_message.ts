/** What a structure tells itself: it is time to look at its deadlines, or nobody has used it for long. */
export interface OwnMessage {
  /** Names the message. */
  readonly type: "wakeUp" | "idle";
}
