/**
 * A store of durable actors, as far as the layers know it that only pass it on. Every `Journal` of
 * `@casty/casty/persistence` is one; nothing else can be used as one.
 */
export interface DurableStore {
  /** Names the store in logs and errors. */
  readonly name: string;
  /**
   * Why calls are refused now: it has failed several times in a row, or has ended. Undefined or absent:
   * they are not.
   */
  readonly failure?: string | undefined;
  /** Whether all nodes of a cluster have the same store behind it, such as a database. Default false. */
  readonly isShared?: boolean;
  /** Takes over an id. */
  open(
    id: string,
    epoch: number | undefined,
  ): Promise<{ readonly epoch: number; readonly lastSeq: number }>;
  /** Appends events. */
  append(entries: readonly never[]): Promise<readonly unknown[]>;
  /** Reads events. */
  read(id: string): AsyncIterable<unknown>;
  /** Ends the writes that are under way, and refuses others. */
  close(): Promise<void>;
}

/** Where durable actors of a system are stored, and how they recover. */
export interface PersistenceOptions {
  /**
   * Where actors are stored that have no journal of their own, such as `memoryJournal()`. Who has made
   * it closes it, after the system has shut down. Default: none.
   */
  readonly journal?: DurableStore;
  /**
   * Actors that recover from one journal at once, at least 1; others wait for their turn, in order.
   * Default 50.
   */
  readonly maxRecoveries?: number;
  /**
   * Milliseconds between two looks into the journals of entities for those that have work to do and do
   * not run: their reminders are due, or messages of theirs are to be delivered. Default 1 000.
   */
  readonly dueInterval?: number;
}
