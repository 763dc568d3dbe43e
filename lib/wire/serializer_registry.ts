import { checkValue } from "../options/check_options.ts";
import { serializerList } from "../options/tables/wire_tables.ts";
import { Ref } from "../actor/ref/ref.ts";
import { WireError } from "./errors.ts";
import { binaryType } from "./extension.ts";
import { badSerializer, type Serializer, signatureOf } from "./serializer.ts";

/** Revives custom values of a message. */
export interface Reviver {
  /**
   * The value that `data` stands for. `number` is that of a serializer of the writer.
   *
   * @throws {WireError} code `undecodable`.
   */
  revive(number: number, data: unknown): unknown;
}

/** The serializers of this end that the far end also has. */
export interface PeerSerializers extends Reviver {
  /** The peer, for messages. */
  readonly peer: string;
  /** Whether the peer has the serializer with this number of this end. */
  has(number: number): boolean;
}

/** Prototypes whose values cross the wire without a serializer. */
const carried: ReadonlySet<object> = new Set<object>([
  Object.prototype,
  Array.prototype,
  Map.prototype,
  Set.prototype,
  Date.prototype,
]);

/**
 * The serializers of one system. Each has a number: its place in the list that this end sends to
 * its peers. A peer looks the names up in its own list, so the numbers of one end mean nothing at
 * another, and the order in which either has registered is of no importance.
 */
export class SerializerRegistry implements Reviver {
  /** As they are named in the hello; the index of each is its number. */
  readonly signatures: readonly string[];
  readonly #serializers: readonly Serializer[];
  readonly #byPrototype = new Map<object, number>();
  /** Numbers of those with a test. */
  readonly #tested: readonly number[];

  /**
   * Takes what {@linkcode serializer} has made.
   *
   * @throws {OptionError} too many, two of one name or class, or one for values
   * that cross the wire anyway.
   */
  constructor(serializers: readonly Serializer[]) {
    checkValue("serializers", serializerList, serializers);
    const names = new Set<string>();
    const tested: number[] = [];
    serializers.forEach((serializer, number) => {
      this.#add(serializer, number, names);
      if (serializer.test !== undefined) tested.push(number);
    });
    this.#tested = tested;
    this.#serializers = [...serializers];
    this.signatures = serializers.map(signatureOf);
  }

  /** The serializer with a number of this end. */
  get(number: number): Serializer {
    return this.#serializers[number]!;
  }

  /** The number of the serializer for an object, or -1. */
  numberFor(value: object, prototype: object | null): number {
    const number = prototype === null ? undefined : this.#byPrototype.get(prototype);
    if (number !== undefined) return number;
    for (const tested of this.#tested) {
      if (this.#serializers[tested]!.test!(value)) return tested;
    }
    return -1;
  }

  /** Revives what this end has written itself. */
  revive(number: number, data: unknown): unknown {
    return revivedBy(this.#serializers[number], data, "this end");
  }

  /** What a peer has that names its serializers like that. */
  towards(peer: string, signatures: readonly string[]): PeerSerializers {
    const own = new Map(this.#serializers.map((each) => [signatureOf(each), each]));
    const theirs = new Set(signatures);
    const common = this.signatures.map((signature) => theirs.has(signature));
    const revivers = signatures.map((signature) => own.get(signature));
    return {
      peer,
      has: (number) => common[number]!,
      revive: (number, data) => revivedBy(revivers[number], data, peer),
    };
  }

  #add(serializer: Serializer, number: number, names: Set<string>): void {
    const { name, prototype } = serializer;
    if (names.has(name)) {
      throw badSerializer(name, "is registered twice", "give each a name of its own", name);
    }
    names.add(name);
    if (prototype === undefined) return;
    if (isCarried(prototype)) {
      throw badSerializer(name, "is for values that need none", "leave it out", prototype);
    }
    const other = this.#byPrototype.get(prototype);
    if (other !== undefined) {
      throw badSerializer(name, "is for a class that has one", "keep one of them", prototype);
    }
    this.#byPrototype.set(prototype, number);
  }
}

/** Revives nothing, but notes which serializers of this end a message takes. */
export class SerializerScan implements Reviver {
  /** Their numbers. */
  readonly numbers = new Set<number>();

  /** Answers a stand-in. */
  revive(number: number): unknown {
    this.numbers.add(number);
    return undefined;
  }
}

/** For systems without serializers. */
export const noSerializers: Reviver = {
  revive: (_number, data) => revivedBy(undefined, data, "the sender"),
};

function isCarried(prototype: object): boolean {
  return carried.has(prototype) || binaryType(prototype) !== undefined ||
    prototype === Ref.prototype || prototype instanceof Ref;
}

/**
 * The value that `data` stands for. `peer`: who has written it.
 *
 * @throws {WireError} code `undecodable`.
 */
export function revivedBy(
  serializer: Serializer | undefined,
  data: unknown,
  peer: string,
): unknown {
  if (serializer === undefined) {
    throw new WireError("undecodable", `${peer} uses a serializer that this end does not have`, {
      remedy: "register the same serializers on all nodes and clients",
    });
  }
  let value: unknown;
  try {
    value = serializer.decode(data);
  } catch (cause) {
    throw undecodable(serializer, `has thrown: ${reasonOf(cause)}`, cause);
  }
  if (value instanceof Promise) {
    // It is not awaited: its rejection must not end the process.
    value.catch(() => {});
    throw undecodable(serializer, "has answered a promise, for which nothing waits");
  }
  return value;
}

function undecodable(serializer: Serializer, what: string, cause?: unknown): WireError {
  return new WireError(
    "undecodable",
    `decode of the serializer "${serializer.name}" version ${serializer.version} ${what}`,
    { cause, remedy: "compare encode and decode of both ends, and raise version with the form" },
  );
}

/** The words of whatever was thrown; throwing is the user's right, also of odd things. */
export function reasonOf(cause: unknown): string {
  try {
    return (cause instanceof Error ? cause.message : String(cause)).slice(0, 500);
  } catch {
    return "something that cannot be printed";
  }
}
