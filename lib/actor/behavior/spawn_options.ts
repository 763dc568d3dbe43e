/**
 * Handling of a message that does not fit into a mailbox. A dropped message becomes a dead letter
 * with the reason `mailboxFull`, and fails its ask at once:
 *
 * - `"dropNew"`: drops the new message.
 * - `"dropOldest"`: drops the message that has waited longest.
 * - `"reject"`: the new message is refused. Within one system this is the same as `"dropNew"`;
 *   across nodes the refusal is counted where the message came from.
 */
export type Overflow = "dropNew" | "dropOldest" | "reject";

/** Bounds of a mailbox. At least one must be given. */
export interface MailboxOptions {
  /** Messages that may wait, the stash included, at least 1. Default: no limit. */
  readonly capacity?: number;
  /**
   * Largest size of all waiting messages in bytes, by `sizeOf`; the stash may hold as much again.
   * Default: no limit.
   */
  readonly maxBytes?: number;
  /** Bytes of a message, at least 0. Default: an estimate of plain data, see `estimateSize`. */
  readonly sizeOf?: (message: never) => number;
  /** Which message is dropped when it is full. Default `"dropNew"`. */
  readonly overflow?: Overflow;
}

/** How an actor is spawned. */
export interface SpawnOptions {
  /** Bounds the mailbox. Default: unbounded. Signals and timers are never dropped. */
  readonly mailbox?: MailboxOptions;
  /** Messages that the actor's stash may hold, at least 1. Default 1 000. */
  readonly stashCapacity?: number;
}
