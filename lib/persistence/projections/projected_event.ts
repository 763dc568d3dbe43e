/** An event as a projection gets it. */
export interface ProjectedEvent<E> {
  /** The event, as `upcastEvent` has made it one of the present version. */
  readonly event: E;
  /** Persistence id of the actor that it is of. */
  readonly id: string;
  /** Its number: id and number together are given once, so a view can tell what it has seen. */
  readonly seq: number;
  /** When it was written, in milliseconds since 1970 by its writer's clock. No order: see `seq`. */
  readonly at: number;
  /** Its labels. */
  readonly tags: readonly string[];
  /**
   * Whether the handler may have had it before: after a restart the events since the last save come
   * again, and so does one whose handler has failed. Never true with a store that handles exactly once.
   */
  readonly redelivered: boolean;
}

/** Handles one event, in the order of its id. */
export type EventHandler<E, T> = (event: ProjectedEvent<E>, transaction: T) => void | Promise<void>;

/** Handles events that were read together. */
export type BatchHandler<E, T> = (
  events: readonly ProjectedEvent<E>[],
  transaction: T,
) => void | Promise<void>;
