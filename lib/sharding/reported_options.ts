import { withDefaults } from "../options/check_options.ts";
import { replicationDefaults } from "../options/tables/sharding_tables.ts";
import type { TypeOptions } from "./coordinator/type_options.ts";
import type { ReplicationOptions, ShardedOptions } from "./sharded_behavior.ts";

/** What extensions report of their types besides the options of sharding. */
const reportedBesides = new WeakMap<ShardedOptions, TypeOptions>();

/** Has options of an extension, which sharding does not know, compared with those of other nodes. */
export function reportBesides(options: ShardedOptions, more: TypeOptions): void {
  reportedBesides.set(options, more);
}

/**
 * What a node reports of the options of a type, for the comparison with other nodes: those that decide
 * where entities run, what survives, and who may send. Functions cannot be compared, only whether there
 * are any.
 */
export function reportedOptions(options: ShardedOptions): TypeOptions {
  const { role, journal, replication, rememberEntities, clients, reads } = options;
  return {
    ...(role !== undefined && { role }),
    ...(journal !== undefined && { journal: journal.isShared ? "shared" : "given" }),
    ...(replication !== undefined && { replication: copiesOf(replication) }),
    ...(rememberEntities && { rememberEntities: rememberEntities === true ? "true" : "a store" }),
    ...(clients !== undefined && { clients: "a policy" }),
    ...(reads !== undefined && { reads: "a function" }),
    ...reportedBesides.get(options),
  };
}

function copiesOf(replication: ReplicationOptions): string {
  const { replicas, minAcks, allowDataLoss } = withDefaults(replicationDefaults, replication);
  return `replicas: ${replicas}, minAcks: ${minAcks}${allowDataLoss ? ", allowDataLoss" : ""}`;
}
