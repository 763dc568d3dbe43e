import { checkOptions } from "../options/check_options.ts";
import { OptionError } from "../options/option_error.ts";
import { serializerDefaults, serializerTable } from "../options/tables/wire_tables.ts";

const signaturePattern = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}@[1-9][0-9]{0,4}$/;

/** What {@linkcode serializer} has made. Opaque to users. */
export interface Serializer {
  /** Its name, which both ends of a connection must have. */
  readonly name: string;
  /** The version of the form of its data. */
  readonly version: number;
  /** Only objects with exactly this prototype are its values. */
  readonly prototype?: object;
  /** Without a prototype: whether an object is one of its values. */
  readonly test?: (value: object) => boolean;
  /** The data that stand for a value. May throw. */
  readonly encode: (value: object) => unknown;
  /** The value of data that a peer has sent. May throw. */
  readonly decode: (data: unknown) => unknown;
}

/** How the values of one class cross the wire. See {@linkcode serializer}. */
export type SerializerOptions<T extends object> = SerializerForm<T> & SerializedType<T>;

/** What is the same for every serializer. */
export interface SerializerForm<T extends object> {
  /**
   * The name that both ends know it by: 1 to 64 letters, digits and `. _ / -`, beginning with a
   * letter or digit. The name of the class never crosses the wire.
   */
  readonly name: string;
  /**
   * The version of the form of the data, 1 to 65535. Ends with different versions of one name
   * have no such serializer in common. Default 1.
   */
  readonly version?: number;
  /** The data that stand for a value: whatever may be in a message, references included. */
  readonly encode: (value: T) => unknown;
  /**
   * The value of the data. They come from a peer: check them, and throw if they are not in order.
   * Then the message that holds them is refused, and the connection stays open.
   */
  readonly decode: (data: unknown) => T;
}

/** Which values a serializer is for. */
export type SerializedType<T extends object> =
  | {
    /** The class. Only its direct instances are meant: a subclass takes a serializer of its own. */
    readonly type: { readonly prototype: T };
    readonly test?: never;
  }
  | {
    /**
     * Whether an object is meant. It is asked about objects that nothing else carries, after the
     * classes of all serializers, in the order of registration.
     */
    readonly test: (value: object) => boolean;
    readonly type?: never;
  };

/**
 * Says how values of a class of yours cross the wire. To be given to a node or client as one of its
 * `serializers`; both ends of a connection need it, with the same name and version, in any order.
 * Plain data, `Map`, `Set`, `Date`, typed arrays, errors and references need none.
 *
 * A value for which the other end has no serializer is a dead letter `notSerializable`. (Casty v1
 * has one `serializer` for all messages of a cluster, and its default runs code that a message
 * names. Here a name stands for nothing but what the receiving end has registered under it.)
 *
 * @throws {OptionError}
 *
 * @example
 * ```ts
 * import { serializer } from "@casty/casty";
 *
 * class Money {
 *   readonly cents: bigint;
 *   readonly currency: string;
 *   constructor(cents: bigint, currency: string) {
 *     this.cents = cents;
 *     this.currency = currency;
 *   }
 * }
 *
 * const money = serializer({
 *   name: "money",
 *   type: Money,
 *   encode: ({ cents, currency }) => [cents, currency],
 *   decode: (data) => {
 *     const [cents, currency] = data as unknown[];
 *     if (typeof cents !== "bigint" || typeof currency !== "string") throw new Error("no money");
 *     return new Money(cents, currency);
 *   },
 * });
 * console.assert(money.name === "money");
 * ```
 */
export function serializer<T extends object>(options: SerializerOptions<T>): Serializer {
  checkOptions(serializerTable, options);
  const { name, version = serializerDefaults.version, type, test, encode, decode } = options;
  const common = {
    name,
    version,
    encode: encode as (value: object) => unknown,
    decode,
  };
  if ((type === undefined) === (test === undefined)) {
    throw badSerializer(name, "needs either type or test", "give one of them", options);
  }
  if (test !== undefined) return Object.freeze({ ...common, test });
  return Object.freeze({ ...common, prototype: type!.prototype });
}

/** How a serializer is named in a hello: `"name@version"`. */
export function signatureOf({ name, version }: Serializer): string {
  return `${name}@${version}`;
}

/** Whether a peer may use the name for a serializer in its hello. */
export function isSignature(value: unknown): value is string {
  return typeof value === "string" && signaturePattern.test(value);
}

/** The error for a serializer that cannot be used; `what` completes "the serializer ...". */
export function badSerializer(
  name: string,
  what: string,
  remedy: string,
  value: unknown,
): OptionError {
  return new OptionError("serializers", `the serializer "${name}" ${what}`, { value, remedy });
}
