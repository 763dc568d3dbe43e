/**
 * What to do with a message that does not fit into a mailbox. A message that is not kept becomes a
 * dead letter with the reason `mailboxFull`, and fails the ask that it belongs to at once:
 *
 * - `"dropNew"`: the new message is not kept.
 * - `"dropOldest"`: the message that has waited longest makes room.
 * - `"reject"`: the new message is refused. Within one system this is the same as `"dropNew"`;
 *   across nodes the refusal is counted where the message came from.
 */
export type Overflow = "dropNew" | "dropOldest" | "reject";

/** Bounds of a mailbox. At least one must be given. */
export interface MailboxOptions {
  /** Messages that may wait, the stash included, at least 1. Default: no limit. */
  readonly capacity?: number;
  /** Bytes that the messages that wait may have together, by `sizeOf`; not those of the stash. Default: no limit. */
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
