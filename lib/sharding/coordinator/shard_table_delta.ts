import type { CoordinatorMessage } from "./coordinator_event.ts";
import { maxTableEntries } from "../routing/protocol.ts";
import type { ShardTable } from "./shard_table.ts";

/** Deltas for all regions: changes since the previous delta; the whole table for new regions. */
export function takeShardTableDelta(
  shardType: string,
  table: ShardTable,
  incarnationOf: (address: string) => number,
): CoordinatorMessage[] {
  const { newcomers, changed, regions } = table;
  const deltas: CoordinatorMessage[] = [];
  if (newcomers.size > 0) {
    const all = [...table.grants()].map(({ shard }) => shard);
    deltas.push(...messagesTo([...newcomers], shardType, table, all, incarnationOf));
  }
  if (changed.size > 0) {
    const known = [...regions].filter((node) => !newcomers.has(node));
    deltas.push(...messagesTo(known, shardType, table, [...changed], incarnationOf));
  }
  newcomers.clear();
  changed.clear();
  return deltas;
}

function messagesTo(
  nodes: readonly string[],
  shardType: string,
  table: ShardTable,
  wanted: readonly number[],
  incarnationOf: (address: string) => number,
): CoordinatorMessage[] {
  const messages: CoordinatorMessage[] = [];
  for (let from = 0; from < wanted.length; from += maxTableEntries) {
    const owners: string[] = [];
    const shards: [number, number, number][] = [];
    for (const shard of wanted.slice(from, from + maxTableEntries)) {
      const grant = table.grant(shard);
      if (grant?.phase !== "running") continue;
      let owner = owners.indexOf(grant.owner);
      if (owner < 0) owner = owners.push(grant.owner) - 1;
      shards.push([shard, owner, grant.epoch]);
    }
    if (shards.length === 0) continue;
    const incarnations = owners.map(incarnationOf);
    for (const to of nodes) {
      messages.push({ type: "shardTableDelta", to, shardType, owners, incarnations, shards });
    }
  }
  return messages;
}
