/**
 * What nodes tell each other about replicated types, besides what copies send: which nodes run a type, how
 * shards are, and what the coordinator wants. In the control lane: few and small.
 *
 * @module
 */
import { isBelow, isCount, isName, isRecord } from "../sharding/routing/message_fields.ts";
import { maxNumShards, maxReplicas } from "../options/tables/sharding_tables.ts";
import type { BootstrapRecord } from "./bootstrap_record.ts";
import { ByteReader, ByteWriter } from "./byte_form.ts";
import { readBootstrap, readConfig, writeBootstrap, writeConfig } from "./message_form.ts";
import type { PrimaryPhase } from "./primary.ts";
import type { ReplicaConfig } from "./replica_config.ts";

/** Where these messages are sent. */
export const replicaControlPath = "/_cluster/replicas";

/** To all members: whether this node runs a type, and what it knows of how shards began. */
export interface AnnounceTypeMessage {
  readonly type: "announceType";
  readonly shardType: string;
  readonly runs: boolean;
  /** It leaves: it shall have no copies. */
  readonly retiring: boolean;
  readonly record: BootstrapRecord;
  /** Answers one. */
  readonly isAnswer: boolean;
}

/** How a shard is, as its owner knows it. */
export interface ShardStatus {
  readonly shard: number;
  readonly epoch: number;
  readonly phase: PrimaryPhase;
  readonly config?: ReplicaConfig;
  readonly replicas: readonly string[];
  readonly lagging: readonly string[];
}

/** Owner to coordinator. */
export interface ShardStatusesMessage {
  readonly type: "shardStatuses";
  readonly shardType: string;
  readonly shards: readonly ShardStatus[];
}

/** Node to coordinator: the configurations of its copies. */
export interface CopyConfigsMessage {
  readonly type: "copyConfigs";
  readonly shardType: string;
  readonly copies: readonly { readonly shard: number; readonly config: ReplicaConfig }[];
}

/** Coordinator to owner: the nodes that shall have copies. */
export interface OrderReplicasMessage {
  readonly type: "orderReplicas";
  readonly shardType: string;
  readonly shard: number;
  readonly epoch: number;
  readonly addresses: readonly string[];
}

/** Owner to coordinator: the shard needs another grant. */
export interface MoveOwnerMessage {
  readonly type: "moveOwner";
  readonly shardType: string;
  readonly shard: number;
  readonly epoch: number;
  /** The node that has more of the log; empty: the same one. */
  readonly to: string;
  readonly above: number;
}

/** Coordinator to all: all shards have begun, and none is new any more. */
export interface CloseBootstrapMessage {
  readonly type: "closeBootstrap";
  readonly shardType: string;
}

/** Copy to coordinator: who owns these shards? */
export interface AskOwnersMessage {
  readonly type: "askOwners";
  readonly shardType: string;
  readonly shards: readonly number[];
}

/** Coordinator to copy: the owners of shards that have one. */
export interface TellOwnersMessage {
  readonly type: "tellOwners";
  readonly shardType: string;
  readonly grants: readonly (readonly [shard: number, epoch: number, owner: string])[];
}

/** Any of them. */
export type ControlMessage =
  | AnnounceTypeMessage
  | ShardStatusesMessage
  | CopyConfigsMessage
  | OrderReplicasMessage
  | MoveOwnerMessage
  | CloseBootstrapMessage
  | AskOwnersMessage
  | TellOwnersMessage;

const phases: readonly PrimaryPhase[] = ["fencing", "opening", "open", "closed"];
/** Nodes in one list. */
const maxNodes = 64;
const writer = new ByteWriter();

/** As it is sent. */
export function encodeControl(message: ControlMessage): unknown {
  switch (message.type) {
    case "announceType": {
      writeBootstrap(writer, message.record);
      return { ...message, record: writer.take() };
    }
    case "shardStatuses":
      return { ...message, shards: message.shards.map(encodeStatus) };
    case "copyConfigs": {
      const copies = message.copies.map(({ shard, config }) => [shard, configBytes(config)]);
      return { ...message, copies };
    }
    default:
      return message;
  }
}

/** The message, or `undefined` if it is none. */
export function parseControl(value: unknown): ControlMessage | undefined {
  if (!isRecord(value) || !isName(value.shardType)) return undefined;
  try {
    return parse(value, value.shardType);
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return undefined;
    throw error;
  }
}

function parse(value: Record<string, unknown>, shardType: string): ControlMessage | undefined {
  const { type } = value;
  switch (type) {
    case "announceType": {
      const { runs, retiring, isAnswer } = value;
      if (![runs, retiring, isAnswer].every((flag) => typeof flag === "boolean")) return undefined;
      const record = readBootstrap(readerOf(value.record));
      return { type, shardType, record, runs, retiring, isAnswer } as AnnounceTypeMessage;
    }
    case "shardStatuses": {
      const shards = parseList(value.shards, parseStatus);
      return shards && { type, shardType, shards };
    }
    case "copyConfigs": {
      const copies = parseList(value.copies, (copy) => {
        if (!Array.isArray(copy) || !isBelow(copy[0], maxNumShards)) return undefined;
        return { shard: copy[0], config: readConfig(readerOf(copy[1])) };
      });
      return copies && { type, shardType, copies };
    }
    case "closeBootstrap":
      return { type, shardType };
    case "askOwners": {
      const shards = parseList(value.shards, (shard) => isShard(shard) ? shard : undefined);
      return shards && { type, shardType, shards };
    }
    case "tellOwners": {
      const grants = parseList(value.grants, parseGrant);
      return grants && { type, shardType, grants };
    }
  }
  const { shard, epoch } = value;
  if (!isBelow(shard, maxNumShards) || !isCount(epoch)) return undefined;
  if (type === "orderReplicas") {
    const { addresses } = value;
    if (!isNames(addresses, maxReplicas)) return undefined;
    return { type, shardType, shard, epoch, addresses };
  }
  if (type !== "moveOwner") return undefined;
  const { to, above } = value;
  if ((to !== "" && !isName(to)) || !isCount(above)) return undefined;
  return { type, shardType, shard, epoch, to, above };
}

function configBytes(config: ReplicaConfig): Uint8Array {
  writeConfig(writer, config);
  return writer.take();
}

function encodeStatus(status: ShardStatus): unknown {
  const { shard, epoch, phase, config, replicas, lagging } = status;
  const bytes = config === undefined ? null : configBytes(config);
  return [shard, epoch, phases.indexOf(phase), bytes, replicas, lagging];
}

function parseStatus(value: unknown): ShardStatus | undefined {
  if (!Array.isArray(value)) return undefined;
  const [shard, epoch, phase, config, replicas, lagging] = value as unknown[];
  if (!isBelow(shard, maxNumShards) || !isCount(epoch) || !isBelow(phase, 4)) return undefined;
  if (!isNames(replicas, maxReplicas) || !isNames(lagging, maxNodes)) return undefined;
  return {
    shard,
    epoch,
    phase: phases[phase]!,
    replicas,
    lagging,
    ...(config !== null && { config: readConfig(readerOf(config)) }),
  };
}

function parseGrant(value: unknown): TellOwnersMessage["grants"][number] | undefined {
  if (!Array.isArray(value)) return undefined;
  const [shard, epoch, owner] = value as unknown[];
  return isShard(shard) && isCount(epoch) && isName(owner) ? [shard, epoch, owner] : undefined;
}

function isShard(value: unknown): value is number {
  return isBelow(value, maxNumShards);
}

function readerOf(value: unknown): ByteReader {
  if (value instanceof Uint8Array) return new ByteReader(value);
  throw new RangeError("bytes are missing");
}

function isNames(value: unknown, most: number): value is readonly string[] {
  return Array.isArray(value) && value.length <= most && value.every(isName);
}

function parseList<T>(
  value: unknown,
  parseOne: (value: unknown) => T | undefined,
): readonly T[] | undefined {
  if (!Array.isArray(value) || value.length > maxNumShards) return undefined;
  const parsed = value.map(parseOne);
  return parsed.includes(undefined) ? undefined : parsed as T[];
}
