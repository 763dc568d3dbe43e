/**
 * What nodes and their coordinator send each other besides the messages of `../routing/protocol.ts`, at
 * the same path: shard reports, and leases.
 *
 * @module
 */
import { isBelow, isCount, isName, isRecord, isShardCount } from "../routing/message_fields.ts";
import type { HolderAge, LeaseConfig } from "../lease/lease_config.ts";
import {
  type AdmitHolderMessage,
  type AdoptLeasesMessage,
  type LeasesAdoptedMessage,
  parseAdmitHolder,
  parseAdoptLeases,
  parseHolderAges,
  parseLeaseConfig,
  parseLeasesAdopted,
} from "../lease/lease_protocol.ts";
import { parseShardingMessage, type ShardingMessage } from "../routing/protocol.ts";
import { isStamp, isTerm, type Stamp, type Term } from "../routing/term.ts";
import { parseTypeOptions, type TypeOptions } from "./type_options.ts";

/** The shards of one type that one node owns. */
export interface RegionReport {
  readonly shardType: string;
  readonly numShards: number;
  /** Shards that this node owns, with the epoch of each grant; 1: it is giving the shard up. */
  readonly shards: readonly (readonly [shard: number, epoch: number, stopping: 0 | 1])[];
  /** The newest epoch of this type that the node knows. */
  readonly lastEpoch: number;
  /** Options that nodes have to agree on. Absent: the node is of a version that does not report them. */
  readonly options?: TypeOptions;
}

/** Node to coordinator: all shards that the node owns. Acknowledges the term. */
export interface ReportMessage {
  readonly type: "shardReport";
  /** The term that the node has acknowledged. */
  readonly term: Term;
  readonly stamp: Stamp;
  /** It leaves, and takes no shards. */
  readonly retiring: boolean;
  readonly regions: readonly RegionReport[];
  /** Which leases this node acknowledges, if it has adopted a configuration. */
  readonly config?: LeaseConfig;
  /** Holders that this node has acknowledged not long ago. */
  readonly holders: readonly HolderAge[];
}

/** Between nodes, at `shardingPath`. */
export type CoordinationMessage =
  | ShardingMessage
  | ReportMessage
  | AdoptLeasesMessage
  | LeasesAdoptedMessage
  | AdmitHolderMessage;

/** The message, or `undefined` if it is none. */
export function parseCoordinationMessage(value: unknown): CoordinationMessage | undefined {
  if (!isRecord(value)) return undefined;
  switch (value.type) {
    case "shardReport":
      return parseReport(value);
    case "adoptLeases":
      return parseAdoptLeases(value);
    case "leasesAdopted":
      return parseLeasesAdopted(value);
    case "admitHolder":
      return parseAdmitHolder(value);
    default:
      return parseShardingMessage(value);
  }
}

/** The highest epoch of a grant that a message names; 0: it names none. */
export function highestEpochOf(message: CoordinationMessage): number {
  switch (message.type) {
    case "shardReport":
      return message.regions.reduce(
        (highest, { lastEpoch, shards }) =>
          shards.reduce((most, [, epoch]) => Math.max(most, epoch), Math.max(highest, lastEpoch)),
        0,
      );
    case "shardTableDelta":
      return message.shards.reduce((highest, [, , epoch]) => Math.max(highest, epoch), 0);
    default:
      return "epoch" in message ? message.epoch : 0;
  }
}

function parseReport(value: Record<string, unknown>): ReportMessage | undefined {
  const { term, stamp, retiring, regions } = value;
  if (!isTerm(term) || !isStamp(stamp) || typeof retiring !== "boolean") return undefined;
  if (!Array.isArray(regions) || regions.length > 1_000) return undefined;
  for (const region of regions) {
    if (!isRecord(region) || !isName(region.shardType)) return undefined;
    if (!isShardCount(region.numShards) || !isCount(region.lastEpoch)) return undefined;
    if (!Array.isArray(region.shards) || region.shards.length > region.numShards) return undefined;
    for (const entry of region.shards) {
      if (!Array.isArray(entry) || !isBelow(entry[0], region.numShards)) return undefined;
      if (!isCount(entry[1]) || !isBelow(entry[2], 2)) return undefined;
    }
  }
  const holders = parseHolderAges(value.holders);
  const config = value.config === undefined ? undefined : parseLeaseConfig(value.config);
  if (holders === undefined || (value.config !== undefined && config === undefined)) {
    return undefined;
  }
  return {
    type: "shardReport",
    term,
    stamp,
    retiring,
    regions: (regions as RegionReport[]).map(({ options, ...region }) => {
      // They are compared only: a report counts without them.
      const parsed = parseTypeOptions(options);
      return { ...region, ...(parsed && { options: parsed }) };
    }),
    ...(config && { config }),
    holders,
  };
}
