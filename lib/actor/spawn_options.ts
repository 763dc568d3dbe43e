/**
 * What to do with a message that does not fit into a mailbox. Whatever is not kept becomes a dead
 * letter with the reason `mailboxFull`, and if it was a question, the one who asks hears it at once:
 *
 * - `"dropNew"`: the new message is not kept.
 * - `"dropOldest"`: the message that has waited longest makes room.
 * - `"reject"`: the new message is refused. Within one system this is the same as `"dropNew"`;
 *   across nodes the refusal is counted where the message came from.
 */
export type Overflow = "dropNew" | "dropOldest" | "reject";

/** Bounds of a mailbox. */
export interface MailboxOptions {
  /** Messages that may wait, at least 1. */
  readonly capacity: number;
  /** Which message is dropped when it is full. Default `"dropNew"`. */
  readonly overflow?: Overflow;
}

/** How an actor is spawned. */
export interface SpawnOptions {
  /** Bounds the mailbox. Default: unbounded. Signals and timers are never dropped. */
  readonly mailbox?: MailboxOptions;
}
