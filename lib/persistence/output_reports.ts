/**
 * Lets a simulation see what durable actors say, and what it is based on: from outside, what an actor
 * tells cannot be told from what its handlers send by themselves. Costs an actor a comparison.
 *
 * @module
 */
import type { Journal, NewEvent } from "./journal.ts";

/** Gets to know what one incarnation of a durable actor does. */
export interface OutputReports {
  /** It has applied events, which go to the store now or later. */
  onEvents(events: readonly NewEvent[]): void;
  /** It has decided on an output, which is based on all events so far and may be held back. */
  onDecided(output: object): void;
  /** An output leaves it: a reply, a message, a callback, an acknowledgement, or its end. */
  onOutput(output: object): void;
  /** A message that was stored with an event leaves it. `seq`: the number of the event. */
  onSent(seq: number): void;
}

/** Makes what the incarnations of the actors in a journal report to. `lastSeq`: the last event that was read. */
export type ReportsOfActor = (id: string, lastSeq: number) => OutputReports;

const byJournal = new WeakMap<Journal, ReportsOfActor>();

/** Has all actors that use a journal report from their next start on. */
export function reportOutputs(journal: Journal, reportsOf: ReportsOfActor): void {
  byJournal.set(journal, reportsOf);
}

/** What an incarnation that starts reports to; undefined: to nobody. */
export function outputReportsOf(
  journal: Journal,
  id: string,
  lastSeq: number,
): OutputReports | undefined {
  return byJournal.get(journal)?.(id, lastSeq);
}
