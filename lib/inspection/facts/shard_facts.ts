import type { ExtensionContext } from "../../cluster/node/node_extension.ts";
import { type InspectedType, shardInspectorOf } from "../../sharding/shard_inspector.ts";
import { shardingKey } from "../../sharding/sharding.ts";
import type { FactReader } from "../inspection.ts";

/** The shards of all types, as a node knows them. */
export interface ShardFacts {
  /** Address of the coordinator; absent: none is known. */
  readonly leader?: string;
  /** Whether this node coordinates, and so knows all shards. */
  readonly coordinates: boolean;
  readonly types: readonly InspectedType[];
}

/** Types of one answer. */
const maxTypes = 50;
/** Shards of one answer, of all types together. */
const maxShards = 4_096;

/** Reads {@linkcode ShardFacts}. */
export function shardFacts(node: ExtensionContext): FactReader {
  const inspector = shardInspectorOf(node.extension(shardingKey));
  return (): ShardFacts => {
    const { leader, coordinates } = inspector;
    return {
      ...(leader !== undefined && { leader }),
      coordinates,
      types: inspector.types(maxTypes, maxShards),
    };
  };
}
