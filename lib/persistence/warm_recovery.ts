import type { DurablePlace } from "./durable_place.ts";
import { rules } from "../runtime/rules.ts";
import { isSameEvent, isWarm, markOf, type WarmLog } from "./warm_log.ts";

/** A kept state that lacks more events is not used: a snapshot may be nearer. */
export const maxBehind = 1_000;

/**
 * Recovers from the state that this node has kept, and the events that the store has after it. To be called
 * when the id was opened: nobody else writes to it any more.
 *
 * Invariant: a kept state counts only if the store has the same last event, by number, epoch, time and
 * checksum. Otherwise (the store was restored from a backup, has deleted that event, or cannot be read) the
 * actor recovers as without it.
 *
 * @param lastSeq the number of the last event in the store.
 */
export async function recoverWarm<E, S>(
  { id, journal }: DurablePlace,
  lastSeq: number,
): Promise<WarmLog<E, S> | undefined> {
  if (!isWarm(journal)) return undefined;
  const warm = journal.takeWarm(id) as WarmLog<E, S> | undefined;
  if (warm === undefined) return undefined;
  const isUsed = await catchUp(journal, id, warm, lastSeq);
  journal.usedWarm(id, isUsed);
  return isUsed ? warm : undefined;
}

async function catchUp<E, S>(
  journal: DurablePlace["journal"],
  id: string,
  { recovery, last }: WarmLog<E, S>,
  lastSeq: number,
): Promise<boolean> {
  if (last.seq > lastSeq || lastSeq - last.seq > maxBehind) return false;
  let isConfirmed = false;
  try {
    for await (const event of journal.read(id, { from: last.seq, to: lastSeq })) {
      if (isConfirmed) {
        if (rules.warmStatesCatchUp) recovery.next(event);
      } else if (isSameEvent(markOf(event), last) || !rules.warmStatesAreConfirmed) {
        isConfirmed = true;
      } else return false;
    }
    if (!isConfirmed) return false;
    if (rules.warmStatesCatchUp) recovery.end(lastSeq);
    return true;
  } catch {
    // The recovery from the store fails with the cause, if it does.
    return false;
  }
}
