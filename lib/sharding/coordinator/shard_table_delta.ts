import type { CoordinatorMessage } from "./coordinator_event.ts";
import { maxTableEntries } from "../routing/protocol.ts";
import type { ShardTable } from "./shard_table.ts";

/** Messages that tell all regions what has changed since the last ones, and newcomers all. */
export function takeShardTableDelta(shardType: string, table: ShardTable): CoordinatorMessage[] {
  const { newcomers, changed, regions } = table;
  const news: CoordinatorMessage[] = [];
  if (newcomers.size > 0) {
    const all = [...table.grants()].map(({ shard }) => shard);
    news.push(...messagesTo([...newcomers], shardType, table, all));
  }
  if (changed.size > 0) {
    const known = [...regions].filter((node) => !newcomers.has(node));
    news.push(...messagesTo(known, shardType, table, [...changed]));
  }
  newcomers.clear();
  changed.clear();
  return news;
}

function messagesTo(
  nodes: readonly string[],
  shardType: string,
  table: ShardTable,
  wanted: readonly number[],
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
    for (const to of nodes) {
      messages.push({ type: "shardTableDelta", to, shardType, owners, shards });
    }
  }
  return messages;
}
