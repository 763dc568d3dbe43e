/**
 * Where a reference to entities points, in the path that crosses the wire:
 * `"/_entity-<numShards>-<type>"` for all of a type, with `";<id>"` behind it for one entity. In type
 * and id `%`, `/` and `;` are escaped, so that the path has one part.
 *
 * The receiver sends to the owner itself, not to the node in the reference. That node takes messages of
 * peers of earlier versions, which send them there.
 *
 * @module
 */
import { isName, isShardCount } from "./message_fields.ts";
import { isEntityId } from "./protocol.ts";

/** The target of a reference to entities. */
export interface EntityAddress {
  readonly shardType: string;
  readonly numShards: number;
  /** Undefined: all entities of the type. */
  readonly entityId: string | undefined;
}

/** What all paths of {@linkcode entityPath} begin with. */
export const entityPrefix = "/_entity-";

const form = /^(\d{1,5})-([^;/]+)(?:;([^;/]+))?$/;

/** The path of an address. */
export function entityPath({ shardType, numShards, entityId }: EntityAddress): string {
  const path = `${entityPrefix}${numShards}-${escaped(shardType)}`;
  return entityId === undefined ? path : `${path};${escaped(entityId)}`;
}

/** The address in a path; undefined if it holds none. */
export function parseEntityPath(path: string): EntityAddress | undefined {
  if (!path.startsWith(entityPrefix)) return undefined;
  const [, count, type, id] = form.exec(path.slice(entityPrefix.length)) ?? [];
  if (type === undefined) return undefined;
  const numShards = Number(count);
  const shardType = unescaped(type);
  const entityId = id === undefined ? undefined : unescaped(id);
  if (!isShardCount(numShards) || !isName(shardType) || shardType.includes("/")) return undefined;
  if (entityId !== undefined && !isEntityId(entityId)) return undefined;
  return { shardType, numShards, entityId };
}

function escaped(text: string): string {
  return /[%/;]/.test(text) ? text.replace(/[%/;]/g, encodeURIComponent) : text;
}

function unescaped(text: string): string {
  return text.includes("%")
    ? text.replace(/%25|%2F|%3B/g, (code) => decodeURIComponent(code))
    : text;
}
