/**
 * What a node stores of a shard, and how it changes. The operations are durable in the order in which they
 * were given: after a crash a beginning of them is there (write-ahead log). Of two that belong together
 * either both are there or the one that was given first.
 *
 * @module
 */
import { type BootstrapRecord, noBootstrap } from "./bootstrap_record.ts";
import { type LogPosition, logStart } from "./log_position.ts";
import type { ReplicaConfig } from "./replica_config.ts";
import type { FillPoint } from "./replication_protocol.ts";
import type { LogEntry } from "./shard_log.ts";

/** A change of what is stored. */
export type StoreOperation =
  /** Owners with a lower epoch are not obeyed any more. */
  | { readonly type: "promise"; readonly epoch: number }
  | { readonly type: "config"; readonly config: ReplicaConfig }
  /** Of the type, not of the shard: see `BootstrapRecord`. */
  | { readonly type: "bootstrap"; readonly record: BootstrapRecord }
  | { readonly type: "entries"; readonly entries: readonly LogEntry[] }
  /** Entries after this index were never acknowledged, and are replaced. */
  | { readonly type: "cut"; readonly after: number }
  /** Entries up to this index are forgotten; the journal has them. */
  | { readonly type: "trim"; readonly upTo: number }
  /** The journal has the entries up to this index: they are not applied again after a restart. */
  | { readonly type: "applied"; readonly upTo: number }
  /** Everything is dropped, in the journal as well: a back-fill begins, or the copy is released. */
  | { readonly type: "reset"; readonly at: LogPosition }
  /** A part of a back-fill for the journal. Stored in one commit with the cursor. */
  | { readonly type: "chunk"; readonly bytes: Uint8Array; readonly cursor: string }
  /** The back-fill is complete. */
  | { readonly type: "filled" };

/** What a store has of one shard. */
export interface CopyRecord {
  /** The highest epoch that was promised; 0: none was. */
  readonly promised: number;
  readonly config?: ReplicaConfig;
  /** The position before the first entry. */
  readonly base: LogPosition;
  readonly entries: readonly LogEntry[];
  /**
   * Up to which index entries were acknowledged, and the journal has them, as far as it is stored: it has
   * some more.
   */
  readonly acked: number;
  /** How often the content was dropped. */
  readonly generation: number;
  readonly filling?: FillPoint;
}

/** Up to which index the journal has the entries, at least. */
export function appliedIn({ base, acked }: CopyRecord): number {
  return Math.max(base.index, acked);
}

/** A store that has nothing of the shard. */
export const noCopy: CopyRecord = Object.freeze({
  promised: 0,
  base: logStart,
  entries: [],
  acked: 0,
  generation: 0,
});

/** What is known of a type at a node; shared by its shards. */
export interface BootstrapHolder {
  record: BootstrapRecord;
}

/** Of a store that is new. */
export function newBootstrapHolder(): BootstrapHolder {
  return { record: noBootstrap };
}

/** The record after a change: what a store has to find when it restarts. */
export function applyStoreOperation(record: CopyRecord, operation: StoreOperation): CopyRecord {
  switch (operation.type) {
    case "promise":
      return { ...record, promised: operation.epoch };
    case "config":
      return { ...record, config: operation.config };
    case "entries":
      return { ...record, entries: [...record.entries, ...operation.entries] };
    case "cut": {
      const { after } = operation;
      return { ...record, entries: record.entries.filter(({ index }) => index <= after) };
    }
    case "trim": {
      const last = record.entries.find(({ index }) => index === operation.upTo);
      if (last === undefined) return record;
      const { epoch, index, chain } = last;
      const entries = record.entries.filter((entry) => entry.index > index);
      return { ...record, base: { epoch, index, chain }, entries };
    }
    case "applied":
      return operation.upTo <= record.acked ? record : { ...record, acked: operation.upTo };
    case "reset": {
      const { promised, config } = record;
      const { at } = operation;
      const filling = { at, cursor: "" };
      const generation = record.generation + 1;
      return {
        promised,
        ...(config && { config }),
        base: at,
        entries: [],
        acked: 0,
        generation,
        filling,
      };
    }
    case "chunk": {
      const { at } = record.filling!;
      return { ...record, filling: { at, cursor: operation.cursor } };
    }
    case "filled": {
      const { filling: _, ...rest } = record;
      return { ...rest, acked: record.base.index };
    }
    case "bootstrap":
      return record;
  }
}
