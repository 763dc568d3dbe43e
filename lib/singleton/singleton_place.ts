/**
 * Where singletons are in the shards of a cluster: each is the one entity of a type of its own, so that
 * it is granted, leased, moved and reached as any shard. No type of users has such a name.
 *
 * @module
 */
import { checkValue } from "../options/check_options.ts";
import { entityTypeName } from "../options/tables/sharding_tables.ts";

/** The entity that a singleton is. */
export interface SingletonPlace {
  /** The name of the type. */
  readonly shardType: string;
  /** Its id: the name of the singleton. */
  readonly entityId: string;
}

/**
 * The place of the singleton of a name.
 *
 * @throws {OptionError} it is no name: 1 to 200 letters, digits, `$`, `_` or `-`, not beginning with `_`
 * or `-`.
 */
export function singletonPlace(name: string): SingletonPlace {
  checkValue("name", entityTypeName, name);
  return { shardType: `_singleton-${name}`, entityId: name };
}
