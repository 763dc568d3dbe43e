import { PersistenceError } from "./errors.ts";

/** The longest id, in UTF-16 code units. */
export const maxPersistenceId = 1_024;

/**
 * The id under which a store keeps an actor's events: the kind of actor and its name, so that ids of
 * different kinds never collide.
 *
 * @param kind 1 to 255 characters, without `|`.
 * @param name what tells the actors of a kind apart; any text that is not empty.
 * @throws {PersistenceError} code `badPersistenceId`.
 *
 * @example
 * ```ts
 * import { persistenceId } from "@casty/casty/persistence";
 *
 * console.assert(persistenceId("account", "alice") === "account|alice");
 * ```
 */
export function persistenceId(kind: string, name: string): string {
  if (typeof kind !== "string" || kind === "" || kind.length > 255 || kind.includes("|")) {
    throw badId(kind, "its kind has 1 to 255 characters, and no |");
  }
  if (typeof name !== "string" || name === "") throw badId(name, "its name is a text, not empty");
  return checkedId(`${kind}|${name}`);
}

/** What {@linkcode persistenceId} has made an id of; undefined: it is of another form. */
export function partsOfId(
  id: string,
): { readonly kind: string; readonly name: string } | undefined {
  const end = id.indexOf("|");
  if (end < 1 || end === id.length - 1) return undefined;
  return { kind: id.slice(0, end), name: id.slice(end + 1) };
}

/** @throws {PersistenceError} code `badPersistenceId`. */
export function checkedId(id: string): string {
  if (typeof id !== "string" || id === "") throw badId(id, "it is a text, not empty");
  if (id.length > maxPersistenceId) {
    throw badId(id, `it has at most ${maxPersistenceId} characters`);
  }
  // A store may cut at U+0000, and replaces halves of surrogate pairs.
  if (id.includes("\0") || !id.isWellFormed()) throw badId(id, "it is well-formed, without U+0000");
  return id;
}

/** The error of an actor that has no id, and is no entity. */
export function missingId(path: string): PersistenceError {
  return new PersistenceError("badPersistenceId", `${path} has no id, and is no sharded entity`, {
    value: path,
    remedy: "give it one: id: persistenceId(kind, name)",
  });
}

function badId(value: unknown, rule: string): PersistenceError {
  const shown = JSON.stringify(value)?.slice(0, 80);
  return new PersistenceError("badPersistenceId", `${shown} is no persistence id: ${rule}`, {
    value,
    remedy: "use persistenceId(kind, name)",
  });
}
