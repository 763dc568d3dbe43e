/**
 * Turns what is stored into bytes and back, values of users' classes included. On a connection a
 * serializer has a number, on which both ends agree; a store outlives such agreements, so each stored
 * value names its serializer and the version of its form. The order of registration means nothing.
 *
 * @module
 */
import { Codec } from "../wire/codec.ts";
import { WireError } from "../wire/errors.ts";
import { badSerializer, type Serializer, signatureOf } from "../wire/serializer.ts";
import { revivedBy, SerializerRegistry } from "../wire/serializer_registry.ts";
import { PersistenceError } from "./errors.ts";

/** The codecs of lists of serializers that begin alike. */
interface CodecNode {
  codec: Codec | undefined;
  readonly next: WeakMap<Serializer, CodecNode>;
}

const refuse = (): never => {
  throw new TypeError("a reference cannot be stored; store the path or the entity id instead");
};

/** One codec for all actors with the same serializers: one of its own costs too much at rest. */
const root: CodecNode = { codec: undefined, next: new WeakMap() };

/**
 * The codec of what is stored with these serializers. Of one name the highest version writes; each reads
 * what it has written. What was stored must be readable, also if its keys happen to collide: so nothing
 * is measured.
 *
 * @throws {OptionError} two of one name and version, two that write values of one class, or one for
 * values that need none.
 */
export function storedCodecOf(serializers: readonly Serializer[]): Codec {
  let node = root;
  for (const serializer of serializers) {
    let next = node.next.get(serializer);
    if (next === undefined) {
      node.next.set(serializer, next = { codec: undefined, next: new WeakMap() });
    }
    node = next;
  }
  return node.codec ??= new Codec({
    now: () => 0,
    resolve: refuse,
    onRefEncoded: refuse,
    trusted: true,
    serializers: new StoredSerializers(serializers),
  });
}

/**
 * The value in bytes, which are valid until the next call. `what` names it in errors.
 *
 * @throws {PersistenceError} code `tooLarge`: the bounds of messages hold for what is stored as well, and
 * cannot be raised for it.
 * @throws {WireError} code `notSerializable`.
 */
export function writeStored(codec: Codec, value: unknown, what: string): Uint8Array {
  try {
    return codec.encode(value);
  } catch (error) {
    if (!(error instanceof WireError) || error.code === "notSerializable") throw error;
    const { message, remedy } = error;
    const why = remedy === undefined ? message : message.slice(0, -`; ${remedy}`.length);
    throw new PersistenceError("tooLarge", `${what} cannot be stored: ${why}`, {
      value: error.value,
      cause: error,
      remedy: "store less at once, or keep it elsewhere and store where it is",
    });
  }
}

/**
 * Reads what {@linkcode storedCodecOf} has written.
 *
 * @throws {PersistenceError} code `futureVersion`, if the serializer of a value is missing.
 * @throws {WireError} if the bytes cannot be read.
 */
export function readStored(codec: Codec, bytes: Uint8Array): unknown {
  try {
    return codec.decode(bytes, 0, bytes.length);
  } catch (error) {
    const { cause } = error as Error;
    throw cause instanceof PersistenceError ? cause : error;
  }
}

class StoredSerializers extends SerializerRegistry {
  readonly #readers: ReadonlyMap<string, Serializer>;

  constructor(serializers: readonly Serializer[]) {
    const readers = new Map<string, Serializer>();
    const newest = new Map<string, Serializer>();
    for (const each of serializers) {
      const signature = signatureOf(each);
      const { name, version } = each;
      if (readers.has(signature)) {
        throw badSerializer(name, `is there twice with version ${version}`, "leave one out", name);
      }
      readers.set(signature, each);
      const known = newest.get(name);
      if (known === undefined || known.version < version) newest.set(name, each);
    }
    super([...newest.values()].map(named));
    this.#readers = readers;
  }

  /** The number is that of the program which has written the value. */
  override revive(_number: number, data: unknown): unknown {
    const [signature, inner] = data as [signature: string, data: unknown];
    const serializer = this.#readers.get(signature);
    if (serializer === undefined) {
      throw new PersistenceError(
        "futureVersion",
        `a value of the serializer ${signature} is stored, which this actor does not have`,
        { value: signature, remedy: "add it to schema.serializers" },
      );
    }
    return revivedBy(serializer, inner, "the store");
  }
}

/** Its data with its signature. */
function named(serializer: Serializer): Serializer {
  const signature = signatureOf(serializer);
  return {
    ...serializer,
    encode: (value) => {
      const data = serializer.encode(value);
      // What is refused because of what it is must stay what it is.
      return data === value || data instanceof Promise ? data : [signature, data];
    },
  };
}
