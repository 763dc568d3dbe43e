/**
 * What the entries of a shard's log mean: writes of a journal. Each copy applies them, in their order, to a
 * journal of its own, so that all of those have the same content.
 *
 * Invariant: only writes that the owner's journal has accepted, or will, are in the log: the owner judges
 * (`judgeAppend`, `judgeOpen`) before it proposes, on what is applied and what is on its way. So an entry
 * that was applied already changes nothing when it is applied again, by a copy that was filled or has
 * restarted: an append finds another last number, an open a higher epoch; a snapshot or a deletion is left
 * out unless the last number is still the one that it was written at (`lastSeq`).
 *
 * @module
 */
import type { AppendEntry, Journal, StoredSnapshot } from "../persistence/journal.ts";

/** One write. The epoch is that of the entry's grant unless it is named. */
export type LogOperation =
  | { readonly type: "open"; readonly id: string; readonly epoch: number }
  | { readonly type: "append"; readonly entries: readonly AppendEntry[] }
  | {
    readonly type: "saveSnapshot";
    readonly id: string;
    readonly snapshot: StoredSnapshot;
    readonly keep: number;
    readonly lastSeq: number;
  }
  | {
    readonly type: "deleteEvents";
    readonly id: string;
    readonly upTo: number;
    readonly epoch: number;
  }
  | {
    readonly type: "delete";
    readonly id: string;
    readonly epoch: number;
    readonly lastSeq: number;
  };

/** Applies a write that is acknowledged. Rejects as the journal does; then the copy must stop applying. */
export async function applyOperation(journal: Journal, operation: LogOperation): Promise<void> {
  switch (operation.type) {
    case "open":
      await journal.open(operation.id, operation.epoch);
      return;
    case "append":
      await journal.append(operation.entries);
      return;
    case "saveSnapshot":
      return await journal.saveSnapshot(operation.id, operation.snapshot, operation.keep);
    case "deleteEvents":
      return await journal.deleteEvents(operation.id, operation.upTo, operation.epoch);
    case "delete":
      return await journal.delete(operation.id, operation.epoch);
  }
}
