/**
 * Messages of other nodes, checked. What a peer can choose has a bound.
 *
 * @module
 */
import { isBelow, isCount, isName, isRecord } from "../sharding/routing/message_fields.ts";
import { type BootstrapRecord, maxBootstrapStores } from "./bootstrap_record.ts";
import type { LogPosition } from "./log_position.ts";
import {
  maxPreviousSets,
  type ReplicaConfig,
  type ReplicaSet,
  type ReplicaVersion,
  type StoreId,
} from "./replica_config.ts";
import type { CopyState, FillPoint, ReplicationMessage } from "./replication_protocol.ts";
import type { LogEntry } from "./shard_log.ts";

/** Copies of a shard at most. */
export const maxCopies = 64;
/** Entries of a message at most. */
export const maxMessageEntries = 10_000;
/** UTF-16 code units of a cursor at most. */
const maxCursor = 4_096;
const chains = 2 ** 32;

/** The message, or `undefined` if it is none. Fields that are not known are ignored. */
export function parseReplicationMessage(value: unknown): ReplicationMessage | undefined {
  if (!isRecord(value) || !isCount(value.epoch)) return undefined;
  return isWhole(value) ? value as unknown as ReplicationMessage : undefined;
}

function isWhole(value: Record<string, unknown>): boolean {
  switch (value.type) {
    case "promiseEpoch":
      return isBootstrap(value.bootstrap);
    case "epochPromised":
      return isStore(value.store) && isCopyState(value.copy) && isBootstrap(value.bootstrap);
    case "epochRefused":
      return isCount(value.promised);
    case "appendLog":
      return isPosition(value.previous) && isCount(value.acked) && isCount(value.trim) &&
        areEntries(value.entries, value.previous);
    case "logAppended":
      return isStore(value.store) && isCount(value.generation) && isCount(value.through);
    case "logGap":
      return isStore(value.store) && isPosition(value.last) &&
        (value.filling === undefined || isFillPoint(value.filling));
    case "storeConfig":
      return isConfig(value.config);
    case "configStored":
      return isStore(value.store) && isVersion(value.version);
    case "fillCopy":
      return isCount(value.generation) && isFillPoint(value.point) && isCursor(value.next) &&
        value.bytes instanceof Uint8Array && typeof value.done === "boolean";
    case "copyFilled":
      return isStore(value.store) && isCount(value.generation) && isFillPoint(value.point) &&
        typeof value.done === "boolean";
    case "releaseCopy":
      return isCount(value.generation);
    case "copyReleased":
      return isStore(value.store) && isCount(value.generation);
    default:
      return false;
  }
}

function isStore(value: unknown): value is StoreId {
  return isRecord(value) && isName(value.address) && isCount(value.store);
}

function areStores(value: unknown, most: number): value is readonly StoreId[] {
  return Array.isArray(value) && value.length <= most && value.every(isStore);
}

function isPosition(value: unknown): value is LogPosition {
  return isRecord(value) && isCount(value.epoch) && isCount(value.index) &&
    isBelow(value.chain, chains);
}

/** Entries follow each other and the position before, and epochs never go back. */
function areEntries(value: unknown, previous: LogPosition): value is readonly LogEntry[] {
  if (!Array.isArray(value) || value.length > maxMessageEntries) return false;
  let { epoch, index } = previous;
  for (const entry of value) {
    if (!isPosition(entry) || entry.index !== index + 1 || entry.epoch < epoch) return false;
    if (!((entry as LogEntry).payload instanceof Uint8Array)) return false;
    ({ epoch, index } = entry);
  }
  return true;
}

function isVersion(value: unknown): value is ReplicaVersion {
  return Array.isArray(value) && value.length === 2 && value.every(isCount);
}

function isSet(value: unknown): value is ReplicaSet {
  return isRecord(value) && areStores(value.inSync, maxCopies) && value.inSync.length > 0 &&
    isBelow(value.minAcks, maxCopies);
}

function isConfig(value: unknown): value is ReplicaConfig {
  if (!isRecord(value) || !isSet(value)) return false;
  const { version, previous } = value as Record<string, unknown>;
  if (!isVersion(version)) return false;
  if (previous === undefined) return true;
  return Array.isArray(previous) && previous.length > 0 && previous.length <= maxPreviousSets &&
    previous.every(isSet);
}

function isCursor(value: unknown): value is string {
  return typeof value === "string" && value.length <= maxCursor;
}

function isFillPoint(value: unknown): value is FillPoint {
  return isRecord(value) && isPosition(value.at) && isCursor(value.cursor);
}

function isCopyState(value: unknown): value is CopyState {
  return isRecord(value) && isPosition(value.last) && isCount(value.acked) &&
    isCount(value.generation) &&
    (value.config === undefined || isConfig(value.config)) &&
    (value.filling === undefined || isFillPoint(value.filling));
}

function isBootstrap(value: unknown): value is BootstrapRecord {
  return isRecord(value) && typeof value.closed === "boolean" &&
    areStores(value.stores, maxBootstrapStores);
}
