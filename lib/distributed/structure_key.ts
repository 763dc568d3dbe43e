/**
 * Keys of maps and values of sets: texts, numbers, bigints, booleans and null, none of which is equal to
 * one of another type.
 *
 * @module
 */
import { checkValue } from "../options/check_options.ts";
import { structureKey } from "../options/tables/distributed_tables.ts";

/** What a map can have as key, and a set as value. */
export type StructureKey = string | number | bigint | boolean | null;

/** The longest key, in UTF-16 code units of its written form. */
export const maxKey = 1_024;

/**
 * The key as text, so that `1`, `"1"`, `1n` and `true` are four keys. `-0` is the key `0`, and `NaN` is
 * one key, as in a `Map`.
 *
 * @throws {OptionError} for another type, and for a text of more than 1 023 characters or with half a
 * surrogate pair.
 */
export function writeKey(key: StructureKey): string {
  checkValue("key", structureKey, key);
  return textOf(key);
}

function textOf(key: StructureKey): string {
  switch (typeof key) {
    case "string":
      return `s${key}`;
    case "number":
      return `n${key === 0 ? 0 : key}`;
    case "bigint":
      return `i${key}`;
    case "boolean":
      return key ? "t" : "f";
    default:
      return "0";
  }
}

/** The key that {@linkcode writeKey} has written. */
export function readKey(text: string): StructureKey {
  const rest = text.slice(1);
  switch (text[0]) {
    case "s":
      return rest;
    case "n":
      return Number(rest);
    case "i":
      return BigInt(rest);
    case "t":
      return true;
    case "f":
      return false;
    default:
      return null;
  }
}

/** Whether a peer's text is a key, in the one form that it can have. */
export function isKey(text: unknown): text is string {
  if (typeof text !== "string" || text.length > maxKey || !text.isWellFormed()) return false;
  if (text[0] === "i" && !/^i-?[0-9]+$/.test(text)) return false;
  return textOf(readKey(text)) === text;
}
