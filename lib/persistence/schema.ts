/**
 * Events and states as bytes, with the version of their schema.
 *
 * @module
 */
import { checkMessage, type MessageSchema } from "../actor/behavior/message_schema.ts";
import type { Codec } from "../wire/codec.ts";
import type { Serializer } from "../wire/serializer.ts";
import { copyToSlab } from "./byte_slab.ts";
import { crc32c } from "./crc32c.ts";
import { PersistenceError } from "./errors.ts";
import type { NewEvent } from "./journal.ts";
import { readStored, storedCodecOf, writeStored } from "./stored_codec.ts";

/** Makes a value of one version into one of the next. Pure. */
export type Upcast = (value: never) => unknown;

/** How stored states change with the program. `S`: the state. */
export interface StateSchemaOptions<S = unknown> {
  /** Version of the events and states that this program writes. Default 0. */
  readonly version?: number;
  /**
   * Validates states: any synchronous Standard Schema validator. A state that does not match is not
   * stored; one that is read has been upcast before, and is what the validator makes of it. Default:
   * none.
   */
  readonly state?: MessageSchema<S>;
  /**
   * By version: makes a state of that version into one of the next. A version without one is read as
   * it is.
   */
  readonly upcastState?: Readonly<Record<number, Upcast>>;
  /**
   * How values of your classes are stored, in events, states, reminders and the messages of `thenSend`:
   * made by `serializer`, as for messages. What is stored names its serializer and the version of its form.
   * Of several versions of one name the highest writes, and each reads what it has written: keep those
   * of which something is stored. Make the list once, and not for each actor. Default: none.
   */
  readonly serializers?: readonly Serializer[];
}

/** How stored events and states change with the program. `E`: events; `S`: the state. */
export interface SchemaOptions<E = unknown, S = unknown> extends StateSchemaOptions<S> {
  /**
   * The same for events. A command whose event does not match fails, and nothing of it is stored.
   * Default: none.
   */
  readonly event?: MessageSchema<E>;
  /** The same for events. */
  readonly upcastEvent?: Readonly<Record<number, Upcast>>;
}

const noPayload = new Uint8Array(0);

/** What is stored, with metadata or a part of it. */
export function withMetadata<T extends Pick<NewEvent, "payload" | "checksum">>(
  stored: T,
  metadata: Uint8Array | undefined,
): T & { readonly metadata?: Uint8Array } {
  if (metadata === undefined) return stored;
  return { ...stored, metadata, checksum: crc32c(metadata, stored.checksum) };
}

type Kind = "event" | "state";

/** Writes and reads the events and states of one kind of actor. */
export class StoredForm<E, S> {
  readonly #schema: SchemaOptions<E, S>;
  readonly #version: number;
  /** Writes and reads all of it, and what the library stores for the actor. */
  readonly codec: Codec;

  /**
   * One serves all actors of a kind.
   *
   * @throws {OptionError} serializers that cannot be used together.
   */
  constructor(schema: SchemaOptions<E, S> = {}) {
    this.#schema = schema;
    this.#version = schema.version ?? 0;
    this.codec = storedCodecOf(schema.serializers ?? []);
  }

  /** How values of users' classes are stored. */
  get serializers(): readonly Serializer[] {
    return this.#schema.serializers ?? [];
  }

  /** The version that is written. */
  get version(): number {
    return this.#version;
  }

  /**
   * An event in bytes.
   *
   * @throws {WireError} with the place in the event, if it is not plain data.
   * @throws {PersistenceError} codes `schemaMismatch`, `tooLarge`.
   */
  writeEvent(event: E, at: number): NewEvent {
    return this.#write("event", event, at);
  }

  /**
   * A state in bytes.
   *
   * @throws {WireError} with the place in the state, if it is not plain data.
   * @throws {PersistenceError} codes `schemaMismatch`, `tooLarge`.
   */
  writeState(state: S, at: number): NewEvent {
    return this.#write("state", state, at);
  }

  /** Entries of the metadata, with no event. */
  writeNoEvent(at: number): NewEvent {
    return { payload: noPayload, version: this.#version, at, checksum: 0 };
  }

  /**
   * @throws {PersistenceError} codes `futureVersion`, `schemaMismatch`; anything else if the bytes cannot
   * be read.
   */
  readEvent(payload: Uint8Array, version: number): E {
    return this.#read("event", payload, version, this.#schema.upcastEvent) as E;
  }

  /** The same for a state. */
  readState(payload: Uint8Array, version: number): S {
    return this.#read("state", payload, version, this.#schema.upcastState) as S;
  }

  #write(kind: Kind, value: E | S, at: number): NewEvent {
    const schema = this.#schema[kind];
    if (schema !== undefined) checked(kind, schema, value);
    const bytes = writeStored(this.codec, value, nameOf(kind));
    // Events are many and short-lived; a state may be large.
    const payload = kind === "event" ? copyToSlab(bytes) : bytes.slice();
    return { payload, version: this.#version, at, checksum: crc32c(payload) };
  }

  #read(
    kind: Kind,
    payload: Uint8Array,
    version: number,
    upcasts: Readonly<Record<number, Upcast>> = {},
  ): unknown {
    if (version > this.#version) {
      throw new PersistenceError(
        "futureVersion",
        `version ${version} is stored, and this program knows up to ${this.#version}`,
        { value: version, remedy: "run the program that wrote it, or a newer one" },
      );
    }
    let value = readStored(this.codec, payload);
    for (let from = version; from < this.#version; from++) {
      const upcast = upcasts[from];
      if (upcast !== undefined) value = upcast(value as never);
    }
    const schema = this.#schema[kind];
    return schema === undefined ? value : checked(kind, schema, value);
  }
}

function nameOf(kind: Kind): string {
  return kind === "event" ? "an event" : "a state";
}

/** The value as the schema makes it. */
function checked(kind: Kind, schema: MessageSchema<unknown>, value: unknown): unknown {
  const result = checkMessage(schema, value, kind);
  if (result.valid) return result.value;
  throw new PersistenceError(
    "schemaMismatch",
    `${nameOf(kind)} does not match its schema: ${result.why}`,
    { value, remedy: "see the place; what was stored earlier may need an upcast" },
  );
}
