/**
 * What a node says of the copies of its shards, to people and programs.
 *
 * @module
 */
import type { ReplicaStatus } from "./primary.ts";
import { isInSync } from "./replica_config.ts";
import { describeWait, type ReplicatedShard } from "./replicated_shard.ts";
import type { ShardCopies } from "./replication.ts";

/** The type, and its shards at the node. */
export interface ShardCopiesSource {
  readonly shardType: string;
  readonly numShards: number;
  readonly replicas: number;
  readonly shards: ReadonlyMap<number, ReplicatedShard>;
}

/** How the copies of a node are, in sentences: first how many there are. */
export function explainCopies(
  { shardType, numShards, replicas, shards }: ShardCopiesSource,
): string[] {
  const lines: string[] = [];
  let [owned, open, copies] = [0, 0, 0];
  for (const [number, shard] of shards) {
    const name = `"${shardType}" shard ${number}`;
    const { config, id } = shard.machine.copy;
    if (config !== undefined && isInSync(config, id)) copies++;
    if (shard.hasFailed) lines.push(`${name}: the copy here has failed`);
    const { status } = shard;
    if (status === undefined) continue;
    owned++;
    if (status.phase === "open") open++;
    lines.push(...explainShard(name, status, replicas));
  }
  return [
    `"${shardType}": this node has copies of ${copies} of ${numShards} shards, and owns ` +
    `${owned}, of which ${open} are open`,
    ...lines,
  ];
}

function explainShard(name: string, status: ReplicaStatus, replicas: number): string[] {
  const waits = status.phase === "open" ? [] : [`${name}: ${describeWait(status)}`];
  const lags = status.copies.filter(({ entries, state }) => entries > 0 || state !== "streaming");
  for (const { address, entries, state, inSync } of lags) {
    const how = state === "filling" ? "is being filled" : `lacks ${entries} entries`;
    waits.push(`${name}: the copy at ${address} ${how}${inSync ? "" : ", and does not count yet"}`);
  }
  const count = status.config?.inSync.length ?? 0;
  if (status.phase === "open" && count <= replicas) {
    waits.push(`${name}: ${count} of ${replicas + 1} copies are in sync`);
  }
  return waits;
}

/** The shards that the node owns. */
export function* ownedCopies(
  { shardType, shards }: Pick<ShardCopiesSource, "shardType" | "shards">,
): Generator<ShardCopies> {
  for (const [shard, { status }] of shards) {
    if (status === undefined) continue;
    const { epoch, phase } = status;
    const open = phase === "open";
    yield {
      shardType,
      shard,
      epoch,
      open,
      waitsFor: open ? undefined : describeWait(status),
      copies: status.copies.map(({ address: node, inSync, entries: lag, state }) => {
        return { node, inSync, lag, filling: state === "filling" };
      }),
    };
  }
}
