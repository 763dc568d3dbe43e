import { malformed } from "./errors.ts";
import { ExtensionType, Mark } from "./extension.ts";

/**
 * Turns each array that begins with a mark into the Map, Set or Error that it stands for, in
 * place. Only for values that were decoded a moment ago; their depth was checked before.
 *
 * @throws {WireError} code `malformed`.
 */
export function revive(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const first: unknown = value[0];
    if (first instanceof Mark) return reviveMarked(first, value);
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i];
      if (typeof item === "object" && item !== null) value[i] = revive(item);
    }
    return value;
  }
  if (value instanceof Mark) throw malformed("a mark stands alone");
  // References, dates and binaries hold nothing to revive.
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  const record = value as Record<string, unknown>;
  for (const key of Object.keys(record)) {
    const item = record[key];
    if (typeof item === "object" && item !== null) record[key] = revive(item);
  }
  return value;
}

function reviveMarked(mark: Mark, items: readonly unknown[]): unknown {
  switch (mark.type) {
    case ExtensionType.map:
      return reviveMap(items);
    case ExtensionType.set:
      return reviveSet(items);
    default:
      return reviveError(items);
  }
}

function reviveMap(items: readonly unknown[]): Map<unknown, unknown> {
  if (items.length % 2 !== 1) throw malformed("a Map has a key without a value");
  const map = new Map<unknown, unknown>();
  for (let i = 1; i < items.length; i += 2) map.set(revive(items[i]), revive(items[i + 1]));
  return map;
}

function reviveSet(items: readonly unknown[]): Set<unknown> {
  const set = new Set<unknown>();
  for (let i = 1; i < items.length; i++) set.add(revive(items[i]));
  return set;
}

function reviveError(items: readonly unknown[]): Error {
  const [, name, message, code] = items;
  if (items.length !== 4 && items.length !== 5) throw malformed("an Error has a bad form");
  if (typeof name !== "string" || typeof message !== "string") {
    throw malformed("an Error has no name or message");
  }
  if (code !== null && typeof code !== "string" && typeof code !== "number") {
    throw malformed("an Error has a bad code");
  }
  const error = items.length === 5
    ? new Error(message, { cause: revive(items[4]) })
    : new Error(message);
  if (name !== error.name) define(error, "name", name);
  if (code !== null) define(error, "code", code);
  // The stack of the sender is not sent, and that of this decoder would only mislead.
  define(error, "stack", `${name}: ${message}`);
  return error;
}

function define(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, {
    value,
    writable: true,
    configurable: true,
    enumerable: key === "code",
  });
}
