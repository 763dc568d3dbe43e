import { idOfName } from "../sharding/region/entity_name.ts";
import { regionPrefix } from "../sharding/routing/protocol.ts";

/**
 * An actor as people name it: `carts/alice` for an entity, `/worker` for another one; undefined for
 * what belongs to Casty itself.
 */
export function shownPath(path: string): string | undefined {
  if (!path.startsWith("/_")) return path;
  if (!path.startsWith(regionPrefix)) return undefined;
  const [shardType = "", name = "", ...below] = path.slice(regionPrefix.length).split("/");
  if (shardType.startsWith("_") || name === "") return undefined;
  return [`${shardType}/${idOfName(name)}`, ...below].join("/");
}
