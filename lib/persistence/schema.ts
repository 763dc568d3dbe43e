/**
 * Events and states as bytes, with the version of their schema.
 *
 * @module
 */
import { Codec } from "../wire/codec.ts";
import { crc32c } from "./crc32c.ts";
import { PersistenceError } from "./errors.ts";
import type { NewEvent } from "./journal.ts";

/** Makes a value of one version into one of the next. Pure. */
export type Upcast = (value: never) => unknown;

/** How stored states change with the program. */
export interface StateSchemaOptions {
  /** Version of the events and states that this program writes. Default 0. */
  readonly version?: number;
  /**
   * By version: makes a state of that version into one of the next. A version without one is read as
   * it is.
   */
  readonly upcastState?: Readonly<Record<number, Upcast>>;
}

/** How stored events and states change with the program. */
export interface SchemaOptions extends StateSchemaOptions {
  /** The same for events. */
  readonly upcastEvent?: Readonly<Record<number, Upcast>>;
}

const noPayload = new Uint8Array(0);

/** What is stored, with a book or a part of one. */
export function withBook<T extends Pick<NewEvent, "payload" | "checksum">>(
  stored: T,
  book: Uint8Array | undefined,
): T & { readonly book?: Uint8Array } {
  if (book === undefined) return stored;
  return { ...stored, book, checksum: crc32c(book, stored.checksum) };
}

/** Writes and reads the events and states of one kind of actor. */
export class StoredForm<E, S> {
  /** Writes and reads what comes with events. */
  readonly codec: Codec;
  readonly #version: number;
  readonly #upcastEvent: Readonly<Record<number, Upcast>>;
  readonly #upcastState: Readonly<Record<number, Upcast>>;

  /** `now`: milliseconds of a clock with a resolution of microseconds. */
  constructor(
    { version = 0, upcastEvent = {}, upcastState = {} }: SchemaOptions,
    now: () => number,
  ) {
    this.#version = version;
    this.#upcastEvent = upcastEvent;
    this.#upcastState = upcastState;
    const refuse = (): never => {
      throw new TypeError("a reference cannot be stored; store the path or the entity id instead");
    };
    // What was stored must be readable, also if its keys happen to collide.
    this.codec = new Codec({ now, resolve: refuse, onRefEncoded: refuse, trusted: true });
  }

  /**
   * An event in bytes.
   *
   * @throws {WireError} with the place in the event, if it is not plain data.
   */
  writeEvent(event: E, at: number): NewEvent {
    const payload = this.codec.encode(event).slice();
    return { payload, version: this.#version, at, checksum: crc32c(payload) };
  }

  /**
   * A state in bytes.
   *
   * @throws {WireError} with the place in the state, if it is not plain data.
   */
  writeState(state: S, at: number): NewEvent {
    const payload = this.codec.encode(state).slice();
    return { payload, version: this.#version, at, checksum: crc32c(payload) };
  }

  /** Entries of the book, with no event. */
  writeNoEvent(at: number): NewEvent {
    return { payload: noPayload, version: this.#version, at, checksum: 0 };
  }

  /** @throws {PersistenceError} code `futureVersion`; anything else if the bytes cannot be read. */
  readEvent(payload: Uint8Array, version: number): E {
    return this.#read(payload, version, this.#upcastEvent) as E;
  }

  /** The same for a state. */
  readState(payload: Uint8Array, version: number): S {
    return this.#read(payload, version, this.#upcastState) as S;
  }

  #read(
    payload: Uint8Array,
    version: number,
    upcasts: Readonly<Record<number, Upcast>>,
  ): unknown {
    if (version > this.#version) {
      throw new PersistenceError(
        "futureVersion",
        `version ${version} is stored, and this program knows up to ${this.#version}`,
        { value: version, remedy: "run the program that wrote it, or a newer one" },
      );
    }
    let value = this.codec.decode(payload, 0, payload.length);
    for (let from = version; from < this.#version; from++) {
      const upcast = upcasts[from];
      if (upcast !== undefined) value = upcast(value as never);
    }
    return value;
  }
}
