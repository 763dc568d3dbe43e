/** What to do with a message that does not fit into a mailbox. It becomes a dead letter. */
export type Overflow = "dropNew" | "dropOldest";

/** How an actor is spawned. */
export interface SpawnOptions {
  /** Bounds the mailbox. Default: unbounded. Signals are never dropped. */
  readonly mailbox?: {
    /** Messages that may wait, at least 1. */
    readonly capacity: number;
    /** Which message is dropped when it is full. Default `"dropNew"`. */
    readonly overflow?: Overflow;
  };
}
