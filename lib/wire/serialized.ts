import { WireError } from "./errors.ts";
import { Refusal } from "./refusal.ts";
import type { Serializer } from "./serializer.ts";
import { type PeerSerializers, reasonOf } from "./serializer_registry.ts";

/** How messages of the library are written: as values of a serializer that users cannot register. */
export interface InternalForm {
  /** Its number. */
  readonly number: number;
  readonly serializer: Serializer;
  /** Whether an object is such a message. */
  readonly isOwn: (value: object) => boolean;
}

/**
 * The data that stand for a value. `peer`: the reader, if it does not have the serializer.
 *
 * @throws {Refusal} for a peer without the serializer, and when the user's `encode` fails.
 */
export function dataOf(
  serializer: Serializer,
  value: object,
  lacking: PeerSerializers | undefined,
): unknown {
  if (lacking !== undefined) throw lacks(serializer, value, lacking.peer);
  let data: unknown;
  try {
    data = serializer.encode(value);
  } catch (cause) {
    throw failed(
      serializer,
      value,
      `encode of the serializer has thrown: ${reasonOf(cause)}`,
      cause,
    );
  }
  if (data === value) {
    throw failed(serializer, value, "encode of the serializer answers the value itself");
  }
  // A promise is refused and not awaited: its rejection must not end the process.
  if (data instanceof Promise) data.catch(() => {});
  return data;
}

function lacks({ name, version }: Serializer, value: object, peer: string): Refusal {
  return new Refusal((where) =>
    new WireError(
      "notSerializable",
      `${where} takes the serializer "${name}" version ${version}, which ${peer} does not have`,
      { value, remedy: "register the same serializers on all nodes and clients" },
    )
  );
}

function failed(
  { name }: Serializer,
  value: object,
  what: string,
  cause?: unknown,
): Refusal {
  return new Refusal((where) =>
    new WireError("notSerializable", `${where} is a value of the serializer "${name}": ${what}`, {
      value,
      cause,
      remedy: "answer plain data, and only for values that are in order",
    })
  );
}
