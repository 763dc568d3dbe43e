/**
 * States that a node has kept of actors in a store which all nodes share, so that an actor that moves there
 * need not be replayed. The store decides whether they count: an actor uses one only if the store has
 * the event that it ends with, see `warm_recovery.ts`.
 *
 * @module
 */
import type { DurableRecovery } from "./durable_recovery.ts";
import type { Journal, StoredEvent } from "./journal.ts";

/** Tells an event of an id from every other one that could have its number. */
export type EventMark = Pick<StoredEvent, "seq" | "epoch" | "at" | "checksum">;

/** The mark of an event. A store may keep whole milliseconds only. */
export function markOf({ seq, epoch, at, checksum }: StoredEvent): EventMark {
  return { seq, epoch, at: Math.floor(at), checksum };
}

/** Whether two marks are those of the same event. */
export function isSameEvent(a: EventMark, b: EventMark): boolean {
  return a.seq === b.seq && a.epoch === b.epoch && a.at === b.at && a.checksum === b.checksum;
}

/** A state, and what it is made of. Its taker is the only one that has it. */
export interface WarmLog<E = unknown, S = unknown> extends DurableRecovery<E, S> {
  /** The last event in it. */
  readonly last: EventMark;
  /** The number of the last event in the newest snapshot that is known of; 0: none is. */
  readonly savedAt: number;
}

/** The view of one node on a store that all nodes share, with what the node has kept besides. */
export interface WarmJournal extends Journal {
  /** The store: what bounds the calls of a node to it counts all its views. */
  readonly behind: Journal;
  /** Gives away what the node has kept of an id. Undefined: nothing. */
  takeWarm(id: string): WarmLog | undefined;
  /** What has become of it. */
  usedWarm(id: string, isUsed: boolean): void;
}

/** Whether a journal is such a view. */
export function isWarm(journal: Journal): journal is WarmJournal {
  return typeof (journal as Partial<WarmJournal>).takeWarm === "function";
}

/** The store itself. */
export function storeBehind(journal: Journal): Journal {
  return isWarm(journal) ? journal.behind : journal;
}
