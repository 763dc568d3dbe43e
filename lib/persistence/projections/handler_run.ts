/**
 * Calls the handlers of a projection with the events of a page, and remembers which of them failed.
 * It waits only where a handler has returned a promise: a transaction may not outlive its turn.
 *
 * @module
 */
import { crc32c } from "../crc32c.ts";
import { PersistenceError } from "../errors.ts";
import type { SliceEvent } from "../journal.ts";
import type { StoredForm } from "../schema.ts";
import type { BatchHandler, EventHandler, ProjectedEvent } from "./projected_event.ts";

/** Why a run has failed. */
export interface HandlerFailure {
  /** Which event; undefined: they were handled together. */
  readonly index: number | undefined;
  readonly error: unknown;
}

/** What is called, with what is stored read as `form` says; either of the handlers. */
export interface Handlers<E, T> {
  readonly form: StoredForm<E, never>;
  readonly handle?: EventHandler<E, T>;
  readonly handleBatch?: BatchHandler<E, T>;
}

/** One call of {@linkcode HandlerRun.run} for each; `failure` is set when it has thrown. */
export class HandlerRun<E, T> {
  readonly #handlers: Handlers<E, T>;
  readonly #events: readonly SliceEvent[];
  readonly #redelivered: boolean;
  /** Why it has failed. */
  failure: HandlerFailure | undefined;

  constructor(
    handlers: Handlers<E, T>,
    events: readonly SliceEvent[],
    redelivered: boolean,
  ) {
    this.#handlers = handlers;
    this.#events = events;
    this.#redelivered = redelivered;
  }

  /** Throws, or rejects, with the error of `failure`. */
  run(transaction: T): void | Promise<void> {
    this.failure = undefined;
    return this.#handlers.handleBatch === undefined
      ? this.#each(0, transaction)
      : this.#all(this.#handlers.handleBatch, transaction);
  }

  #each(first: number, transaction: T): void | Promise<void> {
    for (let index = first; index < this.#events.length; index++) {
      let result: void | Promise<void>;
      try {
        result = this.#handlers.handle!(this.#read(index), transaction);
      } catch (error) {
        this.#fail(index, error);
      }
      if (isPromise(result)) {
        return result.then(
          () => this.#each(index + 1, transaction),
          (error) => this.#fail(index, error),
        );
      }
    }
  }

  #all(handle: BatchHandler<E, T>, transaction: T): void | Promise<void> {
    const events: ProjectedEvent<E>[] = [];
    for (let index = 0; index < this.#events.length; index++) {
      try {
        events.push(this.#read(index));
      } catch (error) {
        this.#fail(index, error);
      }
    }
    let result: void | Promise<void>;
    try {
      result = handle(events, transaction);
    } catch (error) {
      this.#fail(undefined, error);
    }
    if (isPromise(result)) return result.catch((error) => this.#fail(undefined, error));
  }

  #fail(index: number | undefined, error: unknown): never {
    this.failure = { index, error };
    throw error;
  }

  /** @throws {PersistenceError} codes `corruptEvent`, `futureVersion`. */
  #read(index: number): ProjectedEvent<E> {
    const { id, seq, at, version, payload, metadata, checksum, tags = [] } = this.#events[index]!;
    const place = { id, seq };
    const own = crc32c(payload);
    if ((metadata === undefined ? own : crc32c(metadata, own)) !== checksum) {
      throw new PersistenceError("corruptEvent", `${id}: event ${seq} has a wrong checksum`, {
        value: seq,
        place,
        remedy: "restore the store from a backup",
      });
    }
    const event = this.#handlers.form.readEvent(payload, version);
    return { event, id, seq, at, tags, redelivered: this.#redelivered };
  }
}

function isPromise(value: unknown): value is Promise<void> {
  return typeof value === "object" && value !== null &&
    typeof (value as Partial<Promise<void>>).then === "function";
}
