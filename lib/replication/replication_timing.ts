/** Durations in milliseconds, and limits, of the replication of a type. */
export interface ReplicationTiming {
  /** Until events that too few copies have stored are reported as unknown. */
  readonly ackTimeout: number;
  /** Until a message that was not answered is sent again. */
  readonly retryInterval: number;
  /** How long an in-sync copy may confirm nothing until the coordinator is asked for another one. */
  readonly lagLimit: number;
  /** Entries of one message at most. */
  readonly maxBatchEntries: number;
  /** Bytes of the payloads of one message at most, unless one entry has more. */
  readonly maxBatchBytes: number;
  /** The same for entries that a copy lacks, which are sent in turn with those of other shards. */
  readonly catchUpBytes: number;
  /** Entries on their way to one copy at most. */
  readonly maxInFlight: number;
  /** Entries that may wait for copies; beyond, nothing is accepted. */
  readonly maxWaiting: number;
  /** Entries that are kept although all in-sync copies have them, for nodes that come back soon. */
  readonly retain: number;
  /** Chunks of a back-fill on their way to one copy at most: its credit. */
  readonly fillWindow: number;
}

/** Defaults. */
export const defaultReplicationTiming: ReplicationTiming = Object.freeze({
  ackTimeout: 5_000,
  retryInterval: 250,
  lagLimit: 2_000,
  maxBatchEntries: 1_000,
  maxBatchBytes: 256 * 1_024,
  catchUpBytes: 48 * 1_024,
  maxInFlight: 8_000,
  maxWaiting: 20_000,
  retain: 10_000,
  fillWindow: 4,
});
