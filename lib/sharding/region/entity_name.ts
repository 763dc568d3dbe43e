const prefix = "entity-";
const plain = /^[A-Za-z0-9_-]{1,190}$/;

/** The name of an entity's actor; undefined for an id that is too long to be one. */
export function entityName(entityId: string): string | undefined {
  if (plain.test(entityId)) return prefix + entityId;
  const name = prefix + encodeURIComponent(entityId).replace(/[()]/g, escapeParenthesis);
  return name.length <= 200 ? name : undefined;
}

/** The id of the entity whose actor has such a path. */
export function idOfName(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1 + prefix.length);
  return name.includes("%") ? decodeURIComponent(name) : name;
}

function escapeParenthesis(char: string): string {
  return char === "(" ? "%28" : "%29";
}
