import type { MessageSchema } from "../../actor/behavior/message_schema.ts";
import type { Serializer } from "../../wire/serializer.ts";
import type { Journal, SliceRange } from "../journal.ts";
import type { StoredForm, Upcast } from "../schema.ts";
import type { BatchHandler, EventHandler } from "./projected_event.ts";
import type { ProjectionStore } from "./projection_store.ts";

/** Which events a projection gets. Default: all of the journal. */
export interface ProjectionSource {
  /** Only events of this kind of actors: the first argument of `persistenceId`. Default: all kinds. */
  readonly kind?: string;
  /** Only events with this tag. Default: all events. */
  readonly tag?: string;
  /** Only events of ids in these of the 1 024 slices. Default: all. */
  readonly slices?: SliceRange;
}

/** How stored events are read; as in `schema` of `eventSourced`. */
export interface ProjectionSchema<E = unknown> {
  /** Version that the program writes. Default 0. */
  readonly version?: number;
  /** By version: makes an event of that version into one of the next. */
  readonly upcastEvent?: Readonly<Record<number, Upcast>>;
  /**
   * Validates events, after they were upcast: any synchronous Standard Schema validator. One that does
   * not match fails like its handler. Default: none.
   */
  readonly event?: MessageSchema<E>;
  /** How values of classes are read. Default: none. */
  readonly serializers?: readonly Serializer[];
}

/** Pauses between attempts. */
export interface ProjectionBackoff {
  /** Milliseconds before the second attempt; doubles with each one that follows. Default 200. */
  readonly min?: number;
  /** The longest, in milliseconds. Default 30 000. */
  readonly max?: number;
  /** Random part that is added, at most this fraction. Default 0.2. */
  readonly jitter?: number;
}

/** Options of {@linkcode projection}. `E`: the events; `T`: what the store gives to handlers. */
export interface ProjectionOptions<E, T> {
  /**
   * Under which the store keeps where it is: 1 to 160 letters, digits, `$`, `_` or `-`. Another name
   * is another projection, which begins with the first event.
   */
  readonly name: string;
  /** Where the events are. Default: the journal of the node or system that starts it. */
  readonly journal?: Journal;
  /** Which events. Default: all events. */
  readonly source?: ProjectionSource;
  /** Versions of what is stored. */
  readonly schema?: ProjectionSchema<E>;
  /** Keeps up to which event it is. */
  readonly store: ProjectionStore<T>;
  /** Handles an event. Either this or `handleBatch`. */
  readonly handle?: EventHandler<E, T>;
  /**
   * Handles events that were read together, at least one: for stores in which one statement for many
   * rows is faster. When it fails they are handled one by one, to find the one that cannot be handled.
   */
  readonly handleBatch?: BatchHandler<E, T>;
  /** Workers that share the slices, 1 to 1 024; spread over the nodes of a cluster. Default 8. */
  readonly workers?: number;
  /** Only nodes with this role run workers. Default: all nodes. */
  readonly role?: string;
  /** Events that are read, handled and saved together, 1 to 100 000. Default 500. */
  readonly batchSize?: number;
  /**
   * Milliseconds between two looks for events where the journal announces none. Default 1 000. Where it
   * does, a fiftieth of that.
   */
  readonly pollInterval?: number;
  /** How often a handler that fails gets the same event again. Default `Infinity`. */
  readonly retries?: number;
  /**
   * What follows then: `"stop"`: the worker stops until `resume`; `"skip"`: it logs an error, and goes
   * on with the next event. Default `"stop"`.
   */
  readonly afterRetries?: "stop" | "skip";
  /** Between attempts, and when a store cannot be reached. */
  readonly backoff?: ProjectionBackoff;
}

/** @internal Options with their defaults. */
export interface CheckedProjection<E, T> extends
  Omit<
    Required<ProjectionOptions<E, T>>,
    "journal" | "schema" | "handle" | "handleBatch" | "role" | "backoff"
  > {
  readonly schema?: ProjectionSchema<E>;
  readonly handle?: EventHandler<E, T>;
  readonly handleBatch?: BatchHandler<E, T>;
  readonly role?: string;
  readonly backoff: Required<ProjectionBackoff>;
}

/** @internal The same, with the journal that is read. */
export interface StartedProjection<E, T> extends CheckedProjection<E, T> {
  readonly journal: Journal;
  readonly form: StoredForm<E, never>;
}
