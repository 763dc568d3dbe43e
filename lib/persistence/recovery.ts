/**
 * Checks stored events one by one while a state is made of them. Pure.
 *
 * @module
 */
import { crc32c } from "./crc32c.ts";
import { PersistenceError } from "./errors.ts";
import type { StoredEvent, StoredSnapshot } from "./journal.ts";

/** How bytes become events and states again. */
export interface Reader<E, S> {
  /** @throws {PersistenceError} code `futureVersion`; anything else is taken for corrupt bytes. */
  readEvent(payload: Uint8Array, version: number): E;
  readState(payload: Uint8Array, version: number): S;
  /** Applies an event. */
  apply(state: S, event: E): S;
  /** Takes entries of the metadata that came with an event. */
  readMetadata(metadata: Uint8Array): void;
  /** Replaces the metadata by that of a snapshot; undefined: it has none. */
  loadMetadata(metadata: Uint8Array | undefined): void;
}

/** The checksum of what is stored. */
function checksumOf({ payload, metadata }: Pick<StoredEvent, "payload" | "metadata">): number {
  const sum = crc32c(payload);
  return metadata === undefined ? sum : crc32c(metadata, sum);
}

/** A state on its way to the last event. */
export class Recovery<E, S> {
  readonly #id: string;
  readonly #reader: Reader<E, S>;
  #state: S;
  #seq = 0;
  #events = 0;

  constructor(id: string, initial: S, reader: Reader<E, S>) {
    this.#id = id;
    this.#state = initial;
    this.#reader = reader;
  }

  /** The state with all events so far. */
  get state(): S {
    return this.#state;
  }

  /** The number of the last event in it. */
  get seq(): number {
    return this.#seq;
  }

  /** Events that were applied on top of the snapshot. */
  get events(): number {
    return this.#events;
  }

  /** Begins with the event of that number: all before it are in it. */
  startAt(seq: number): void {
    this.#seq = seq - 1;
  }

  /**
   * Begins with a snapshot. Undefined: it is used. Otherwise why it cannot be used: an older one, or
   * all events, have to do.
   */
  useSnapshot(snapshot: StoredSnapshot): PersistenceError | undefined {
    const { seq, version, payload, metadata, checksum } = snapshot;
    const place = { id: this.#id, seq };
    if (checksumOf(snapshot) !== checksum) {
      return new PersistenceError(
        "corruptEvent",
        `${this.#id}: the snapshot at ${seq} is corrupt`,
        {
          place,
        },
      );
    }
    try {
      const state = this.#reader.readState(payload, version);
      this.#reader.loadMetadata(metadata);
      this.#state = state;
      this.#seq = seq;
      return undefined;
    } catch (cause) {
      return new PersistenceError(
        "corruptEvent",
        `${this.#id}: the snapshot at ${seq} cannot be read`,
        { place, cause },
      );
    }
  }

  /**
   * All that is stored was read.
   *
   * @throws {PersistenceError} code `missingEvent`.
   */
  end(lastSeq: number): void {
    if (this.#seq === lastSeq) return;
    const id = this.#id;
    const seq = this.#seq + 1;
    throw new PersistenceError(
      "missingEvent",
      `${id}: event ${seq} is missing; ${lastSeq} were stored`,
      {
        value: seq,
        place: { id, seq },
        remedy: "restore the store from a backup, or find out who has changed it",
      },
    );
  }

  /**
   * Applies the next event.
   *
   * @throws {PersistenceError} codes `missingEvent`, `corruptEvent`, `futureVersion`,
   * `schemaMismatch`, `eventFailed`.
   */
  next(stored: StoredEvent): void {
    const { seq, version, payload, metadata, checksum } = stored;
    const id = this.#id;
    const place = { id, seq };
    if (seq !== this.#seq + 1) {
      const which = seq > this.#seq + 1 ? `event ${this.#seq + 1} is missing` : "is stored twice";
      throw new PersistenceError("missingEvent", `${id}: event ${seq} was found, ${which}`, {
        value: seq,
        place,
        remedy: "restore the store from a backup, or find out who has changed it",
      });
    }
    if (checksumOf(stored) !== checksum) {
      throw new PersistenceError("corruptEvent", `${id}: event ${seq} has a wrong checksum`, {
        value: seq,
        place,
        remedy: "restore the store from a backup",
      });
    }
    const isEvent = payload.length > 0;
    let event: E | undefined;
    try {
      if (isEvent) event = this.#reader.readEvent(payload, version);
      if (metadata !== undefined) this.#reader.readMetadata(metadata);
    } catch (cause) {
      if (cause instanceof PersistenceError) {
        throw new PersistenceError(cause.code, `${id}: event ${seq}: ${cause.message}`, {
          value: cause.value,
          place,
          cause,
        });
      }
      throw new PersistenceError("corruptEvent", `${id}: event ${seq} cannot be read`, {
        value: seq,
        place,
        cause,
        remedy: "see the cause; the program that wrote it may have had a serializer more",
      });
    }
    try {
      if (isEvent) this.#state = this.#reader.apply(this.#state, event as E);
    } catch (cause) {
      throw new PersistenceError("eventFailed", `${id}: event ${seq} cannot be applied`, {
        value: seq,
        place,
        cause,
        remedy: "let onEvent accept every event that was ever stored",
      });
    }
    this.#seq = seq;
    this.#events++;
  }
}
