/**
 * Messages between nodes and clients about shards. All of them are checked on arrival: a peer is
 * authenticated, yet may be of another version, or hostile.
 *
 * @module
 */

import { isBelow, isCount, isName, isRecord, isShardCount, maxName } from "./message_fields.ts";
import { maxEntityId, maxNumShards } from "../../options/tables/sharding_tables.ts";
import { isStamp, isTerm, type Stamp, type Term } from "./term.ts";
import { rules } from "../../runtime/rules.ts";

/** Names a shard and the epoch of a grant of it. */
interface AboutShard {
  readonly shardType: string;
  readonly shard: number;
  readonly epoch: number;
}

/**
 * Between nodes, at {@linkcode shardingPath}. Reports, and what the coordinator decides about leases,
 * are in `../coordinator/coordination_protocol.ts`.
 */
export type ShardingMessage =
  /** Coordinator to node: acknowledge this term, and report your shards. */
  | { readonly type: "requestReport"; readonly term: Term }
  /** Node to coordinator: a later term was acknowledged. */
  | { readonly type: "outdatedTerm"; readonly term: Term }
  | LocateMessage
  | StartShardMessage
  /** Node to coordinator: the node owns the shard, and runs its entities. */
  | ({ readonly type: "started"; readonly stamp: Stamp } & AboutShard)
  /** Coordinator to node: stop the entities of this shard, and give it back. */
  | ({ readonly type: "handOff"; readonly term: Term } & AboutShard)
  /**
   * Node to coordinator: under this grant the node runs no entities of the shard, and never will.
   */
  | ({ readonly type: "stopped"; readonly stamp: Stamp } & AboutShard)
  | DrainedMessage
  | TableMessage
  | LocationMessage
  | ReturnedMessage
  | NoRegionMessage
  | RefusedMessage
  | UnknownTypeMessage;

/** Coordinator to one incarnation of a node: the shard is granted to it. */
export interface StartShardMessage extends AboutShard {
  readonly type: "startShard";
  readonly term: Term;
  /** Of the configuration of leases under which it is granted: the count of its version. */
  readonly config: number;
  readonly incarnation: number;
  /**
   * The epoch of the grant of the shard before this one: no node has run it in between. Undefined: the
   * coordinator does not know it.
   */
  readonly previous?: number;
}

/** Coordinator to node: locations of shards of a type; the recently moved ones, or all. */
export interface TableMessage {
  readonly type: "shardTableDelta";
  readonly shardType: string;
  /** Addresses that `shards` refers to. */
  readonly owners: readonly string[];
  /** The incarnations of the owners, in the same order; 0: not known. */
  readonly incarnations: readonly number[];
  readonly shards: readonly (readonly [shard: number, owner: number, epoch: number])[];
}

/**
 * New owner to the sender of a {@linkcode FlushMarker}: all messages that were sent before it have
 * arrived.
 */
export interface DrainedMessage extends AboutShard {
  readonly type: "drained";
}

/** To a node or the coordinator: requests the location of a shard. */
export interface LocateMessage {
  readonly type: "locate";
  readonly shardType: string;
  readonly numShards: number;
  readonly shard: number;
}

/** The owner of a shard: answers a request, or corrects a sender that used an old grant. */
export interface LocationMessage {
  readonly type: "location";
  readonly shardType: string;
  readonly shard: number;
  readonly owner: string;
  /** Of the owner; 0: not known. A later incarnation does not have the grant. */
  readonly incarnation: number;
  readonly epoch: number;
  /** Of the request that this answers. Absent if it answers none. */
  readonly numShards?: number;
}

/**
 * To the sender of a message that arrived at a node which does not own the shard: `owner` does.
 * Messages of clients are not forwarded: the owner could not reply to a client that is not connected
 * to it. Messages of nodes are returned when the node closes, or when they were for an earlier
 * incarnation of it.
 */
export interface ReturnedMessage extends AboutShard {
  readonly type: "returned";
  /** Empty: the node knows no owner. */
  readonly owner: string;
  /** Of the owner; 0: not known. */
  readonly incarnation: number;
  readonly entityId: string;
  readonly message: unknown;
}

/**
 * To the sender of a message for an entity: this node has no region of the type, so the grant has
 * ended, perhaps with a former incarnation. The sender keeps the message for the next owner.
 */
export interface NoRegionMessage {
  readonly type: "noRegion";
  readonly shardType: string;
  /** Of the grant by which the message was sent. */
  readonly epoch: number;
  readonly entityId: string;
  readonly message: unknown;
}

/** The coordinator or a node rejects a shard type: its number of shards differs, or there are too many. */
export interface RefusedMessage {
  readonly type: "refused";
  readonly shardType: string;
  /**
   * Of the rejected request: the refusal concerns requests with this number and no others. Absent: it
   * concerns none.
   */
  readonly numShards?: number;
  /** How many shards the type has, if that is the reason. */
  readonly actual?: number;
  readonly reason: string;
}

/**
 * The coordinator answers a request for the location of a shard: no member runs entities of the type.
 * A node passes it on to clients, unless it has the type itself and only does not run it.
 */
export interface UnknownTypeMessage {
  readonly type: "unknownType";
  readonly shardType: string;
  /** Of the request that this answers. */
  readonly numShards: number;
  /** Types that there are, at most {@linkcode maxKnownTypes} of them. */
  readonly known: readonly string[];
}

/**
 * A message for an entity, sent to the node that owns the entity's shard. `epoch`: of the grant
 * that the sender used. It is forwarded to owners of later grants only, so never in circles.
 */
export type EntityDelivery = readonly [entityId: string, message: unknown, epoch: number];

/**
 * Travels behind the messages of one sender to the former owner of a shard, and from there behind
 * them to the new one, which answers `drained`: then the sender may use the new route. `origin` is
 * empty on the first leg; `owner` is the new owner. `by`: the epoch by which it was forwarded; like a
 * message it goes to owners of later grants only.
 */
export type FlushMarker = readonly [
  shard: number,
  epoch: number,
  owner: string,
  origin: string,
  by: number,
];

/** The refusal of a request with another number of shards than the type has. */
export function otherNumber(shardType: string, numShards: number, actual: number): RefusedMessage {
  const reason = `${otherNumberText(shardType, numShards, actual)}; ` +
    `use the same numShards everywhere`;
  return { type: "refused", shardType, numShards, actual, reason };
}

/** Which number of shards was asked for, and which there is. */
export function otherNumberText(shardType: string, numShards: number, actual: number): string {
  return `"${shardType}" has ${actual} shards in this cluster, not ${numShards}`;
}

/** Where nodes send each other messages about shards. */
export const shardingPath = "/_cluster/sharding";
/** Where clients request locations of shards. */
export const locatePath = "/_locate";
/** Where a client takes locations and returned messages. */
export const clientShardsPath = "/_shards";

/** What all paths of {@linkcode regionPath} begin with. */
export const regionPrefix = "/_region-";

/** Where a node takes messages for entities of a type. */
export function regionPath(shardType: string): string {
  return regionPrefix + shardType;
}

const maxReason = 1_000;
/** Types that an {@linkcode UnknownTypeMessage} names. */
export const maxKnownTypes = 16;
/** Shards in one delta of a table. */
export const maxTableEntries = 4_096;

/** Whether the value can be an entity's id. */
export function isEntityId(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= maxEntityId &&
    value.isWellFormed();
}

/** The message, or `undefined` if it is none. */
export function parseShardingMessage(value: unknown): ShardingMessage | undefined {
  if (!isRecord(value)) return undefined;
  const { type } = value;
  if (type === "requestReport" || type === "outdatedTerm") {
    return isTerm(value.term) ? { type, term: value.term } : undefined;
  }
  if (!isName(value.shardType)) return undefined;
  const { shardType } = value;
  if (type === "refused") {
    const { numShards, actual, reason } = value;
    if (typeof reason !== "string") return undefined;
    const refused = {
      type,
      shardType,
      reason: reason.slice(0, maxReason),
      ...(isShardCount(actual) && { actual }),
    } as const;
    if (numShards === undefined) return refused;
    return isShardCount(numShards) ? { ...refused, numShards } : undefined;
  }
  if (type === "unknownType") {
    const { numShards, known } = value;
    if (!isShardCount(numShards) || !Array.isArray(known)) return undefined;
    return { type, shardType, numShards, known: known.slice(0, maxKnownTypes).filter(isName) };
  }
  if (type === "noRegion") {
    const { entityId, epoch, message } = value;
    if (!isEntityId(entityId) || !isCount(epoch)) return undefined;
    return { type, shardType, epoch, entityId, message };
  }
  if (type === "shardTableDelta") return parseTable(shardType, value);
  if (!isBelow(value.shard, maxNumShards)) return undefined;
  const { shard } = value;
  if (type === "locate") {
    if (!isShardCount(value.numShards)) return undefined;
    return { type, shardType, numShards: value.numShards, shard };
  }
  return isCount(value.epoch) ? parseAboutShard(value, shardType, shard, value.epoch) : undefined;
}

function parseAboutShard(
  value: Record<string, unknown>,
  shardType: string,
  shard: number,
  epoch: number,
): ShardingMessage | undefined {
  const { type } = value;
  switch (type) {
    case "startShard": {
      const { term, config, incarnation, previous } = value;
      if (!isTerm(term) || !isCount(config) || !isCount(incarnation)) return undefined;
      if (previous !== undefined && !isCount(previous)) return undefined;
      const start = { type, term, config, incarnation, shardType, shard, epoch } as const;
      return previous === undefined ? start : { ...start, previous };
    }
    case "handOff":
      return isTerm(value.term) ? { type, term: value.term, shardType, shard, epoch } : undefined;
    case "started":
    case "stopped":
      return isStamp(value.stamp)
        ? { type, stamp: value.stamp, shardType, shard, epoch }
        : undefined;
    case "drained":
      return { type, shardType, shard, epoch };
    case "location": {
      const { owner, incarnation, numShards } = value;
      if (!isName(owner) || !isCount(incarnation)) return undefined;
      if (numShards !== undefined && !isShardCount(numShards)) return undefined;
      const location = { type, shardType, shard, owner, incarnation, epoch } as const;
      return numShards === undefined ? location : { ...location, numShards };
    }
    case "returned": {
      const { owner, incarnation, entityId, message } = value;
      if (!isName(owner) && owner !== "") return undefined;
      if (!isEntityId(entityId) || !isCount(incarnation)) return undefined;
      return { type, shardType, shard, epoch, owner, incarnation, entityId, message };
    }
    default:
      return undefined;
  }
}

/** The delivery, or `undefined` if it is none. */
export function parseEntityDelivery(value: unknown): EntityDelivery | undefined {
  if (!Array.isArray(value) || value.length !== 3) return undefined;
  if (!isEntityId(value[0]) || !isCount(value[2])) return undefined;
  return value as unknown as EntityDelivery;
}

/** What a user has sent in a delivery that is lost, and to which entity. */
export function lostDelivery(
  path: string,
  value: unknown,
): { readonly path: string; readonly message: unknown; readonly place: string } | undefined {
  const delivery = parseEntityDelivery(value);
  return delivery && { path: `${path}/${delivery[0]}`, message: delivery[1], place: "message[1]" };
}

/** The marker, or `undefined` if it is none. */
export function parseFlushMarker(value: unknown): FlushMarker | undefined {
  if (!rules.flushMarkersEndWaits) return undefined;
  if (!Array.isArray(value) || value.length !== 5) return undefined;
  if (!isBelow(value[0], maxNumShards) || !isCount(value[1]) || !isCount(value[4])) {
    return undefined;
  }
  const [, , owner, origin] = value as unknown[];
  if (!isName(owner) || typeof origin !== "string" || origin.length > maxName) return undefined;
  return value as unknown as FlushMarker;
}

function parseTable(
  shardType: string,
  { owners, incarnations, shards }: Record<string, unknown>,
): TableMessage | undefined {
  if (!Array.isArray(owners) || owners.length > maxNumShards || !owners.every(isName)) {
    return undefined;
  }
  if (!Array.isArray(incarnations) || incarnations.length !== owners.length) return undefined;
  if (!incarnations.every(isCount)) return undefined;
  if (!Array.isArray(shards) || shards.length > maxNumShards) return undefined;
  for (const entry of shards) {
    if (!Array.isArray(entry) || !isBelow(entry[0], maxNumShards)) return undefined;
    if (!isBelow(entry[1], owners.length) || !isCount(entry[2])) return undefined;
  }
  const known = shards as TableMessage["shards"];
  return { type: "shardTableDelta", shardType, owners, incarnations, shards: known };
}
