/**
 * What nodes and clients say to each other about shards. All of it is checked on arrival: a peer
 * is authenticated, yet may be of another version, or hostile.
 *
 * @module
 */

/** What one node runs of one shard type. */
export interface RegionReport {
  readonly shardType: string;
  readonly numShards: number;
  /** Shards that this node owns, with the epoch of each grant. */
  readonly shards: readonly (readonly [shard: number, epoch: number])[];
  /** The newest epoch of this type that the node has heard of. */
  readonly lastEpoch: number;
}

/** Between nodes, at {@linkcode shardingPath}. */
export type ShardingMessage =
  | { readonly type: "askReport" }
  | { readonly type: "report"; readonly regions: readonly RegionReport[] }
  | LocateMessage
  | {
    readonly type: "host";
    readonly shardType: string;
    readonly shard: number;
    readonly epoch: number;
  }
  | {
    readonly type: "hosting";
    readonly shardType: string;
    readonly shard: number;
    readonly epoch: number;
  }
  | LocationMessage
  | RefusedMessage;

/** Where is this shard? */
export interface LocateMessage {
  readonly type: "locate";
  readonly shardType: string;
  readonly numShards: number;
  readonly shard: number;
}

/** There it is. */
export interface LocationMessage {
  readonly type: "location";
  readonly shardType: string;
  readonly shard: number;
  readonly owner: string;
  readonly epoch: number;
}

/** A shard type cannot be used as asked. */
export interface RefusedMessage {
  readonly type: "refused";
  readonly shardType: string;
  readonly reason: string;
}

/** A message for an entity, on its way to the node that owns the entity's shard. */
export type EntityDelivery = readonly [entityId: string, message: unknown, forwarded: boolean];

/** Where nodes talk about shards. */
export const shardingPath = "/_cluster/sharding";
/** Where clients ask for shards. */
export const locatePath = "/_locate";
/** Where a client hears answers. */
export const clientShardsPath = "/_shards";

/** Where a node takes messages for entities of a type. */
export function regionPath(shardType: string): string {
  return `/_region-${shardType}`;
}

/** The largest number of shards of one type. */
export const maxNumShards = 65_536;
/** The longest entity id, in UTF-16 code units. */
export const maxEntityId = 512;
const maxName = 256;
const maxReason = 1_000;

/** Whether the value can be an entity's id. */
export function isEntityId(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= maxEntityId &&
    value.isWellFormed();
}

/** The message, or `undefined` if it is none. */
export function parseShardingMessage(value: unknown): ShardingMessage | undefined {
  if (!isRecord(value)) return undefined;
  if (value.type === "askReport") return { type: "askReport" };
  if (value.type === "report") return parseReport(value.regions);
  if (!isName(value.shardType)) return undefined;
  const { shardType } = value;
  if (value.type === "refused") {
    if (typeof value.reason !== "string") return undefined;
    return { type: "refused", shardType, reason: value.reason.slice(0, maxReason) };
  }
  if (!isBelow(value.shard, maxNumShards)) return undefined;
  const { shard } = value;
  if (value.type === "locate") {
    if (!isShardCount(value.numShards)) return undefined;
    return { type: "locate", shardType, numShards: value.numShards, shard };
  }
  if (!isEpoch(value.epoch)) return undefined;
  const { epoch } = value;
  switch (value.type) {
    case "host":
    case "hosting":
      return { type: value.type, shardType, shard, epoch };
    case "location":
      if (!isName(value.owner)) return undefined;
      return { type: "location", shardType, shard, owner: value.owner, epoch };
    default:
      return undefined;
  }
}

/** The delivery, or `undefined` if it is none. */
export function parseEntityDelivery(value: unknown): EntityDelivery | undefined {
  if (!Array.isArray(value) || value.length !== 3) return undefined;
  if (!isEntityId(value[0]) || typeof value[2] !== "boolean") return undefined;
  return value as unknown as EntityDelivery;
}

function parseReport(regions: unknown): ShardingMessage | undefined {
  if (!Array.isArray(regions) || regions.length > 1_000) return undefined;
  for (const region of regions) {
    if (!isRecord(region) || !isName(region.shardType)) return undefined;
    if (!isShardCount(region.numShards) || !isEpoch(region.lastEpoch)) return undefined;
    if (!Array.isArray(region.shards) || region.shards.length > region.numShards) return undefined;
    for (const pair of region.shards) {
      if (!Array.isArray(pair) || !isBelow(pair[0], region.numShards) || !isEpoch(pair[1])) {
        return undefined;
      }
    }
  }
  return { type: "report", regions: regions as RegionReport[] };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= maxName;
}

function isBelow(value: unknown, bound: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < bound;
}

function isShardCount(value: unknown): value is number {
  return isBelow(value, maxNumShards + 1) && value >= 1;
}

function isEpoch(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
