import { crc32c } from "../persistence/crc32c.ts";

/**
 * A place in the log of a shard: `(e, n)` in `docs/replication_protocol.md`, and the hash of all before it.
 *
 * Invariant: of one shard, two entries with the same epoch and index are the same, and so are all entries
 * before them (Raft, Log Matching).
 */
export interface LogPosition {
  /** Epoch of the grant under which the entry was appended. */
  readonly epoch: number;
  /** From 1, without gaps, across epochs. 0: before the first entry. */
  readonly index: number;
  /** CRC-32C over the entry and the chain before it. Finds damage; it does not stop a forger. */
  readonly chain: number;
}

/** Before the first entry. */
export const logStart: LogPosition = Object.freeze({ epoch: 0, index: 0, chain: 0 });

/**
 * Negative if the log that ends at `a` has less than the one that ends at `b`: the later epoch decides,
 * then the length (Viewstamped Replication Revisited, 4.2; Raft, 5.4.1).
 */
export function comparePositions(a: LogPosition, b: LogPosition): number {
  return a.epoch - b.epoch || a.index - b.index;
}

/** The chain at an entry. */
export function chainAfter(chain: number, epoch: number, payload: Uint8Array): number {
  header.setUint32(0, chain);
  header.setFloat64(4, epoch);
  return crc32c(payload, crc32c(headerBytes));
}

const headerBytes = new Uint8Array(12);
const header = new DataView(headerBytes.buffer);
