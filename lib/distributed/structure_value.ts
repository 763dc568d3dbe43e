/**
 * Values of maps and items of queues, as the bytes that structures keep: so that a structure knows their
 * size, never shares an object with its users, and compares them.
 *
 * @module
 */
import { Codec } from "../wire/codec.ts";
import { badValue } from "./errors.ts";
import type { StructureKey } from "./structure_key.ts";

const refuse = (): never => {
  throw new TypeError("a reference cannot be kept in a structure; keep its path or entity id");
};

const codec = new Codec({ now: () => 0, resolve: refuse, onRefEncoded: refuse });

/**
 * A value as bytes.
 *
 * @throws {WireError} codes `notSerializable`, `tooDeep`, `tooLarge`.
 */
export function writeValue(value: unknown): Uint8Array {
  return codec.encode(value).slice();
}

/**
 * The value of bytes that another process may have written.
 *
 * @param structure Names it in the error.
 * @param key Of the value, in a map.
 * @throws {DistributedError} code `badValue`.
 */
export function readValue(bytes: Uint8Array, structure: string, key?: StructureKey): unknown {
  try {
    return codec.decode(bytes);
  } catch (cause) {
    throw badValue(structure, key, cause);
  }
}

/** Whether two values have the same bytes. */
export function sameValue(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
