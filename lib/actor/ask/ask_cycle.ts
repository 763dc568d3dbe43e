/**
 * Finds actors that wait for each other's replies. The edges are questions: from an actor whose
 * handler is suspended to the actor that it has asked. Whoever closes a circle would wait for ever.
 *
 * @module
 */
import type { Cell } from "../cell/cell.ts";
import { AskError } from "../errors.ts";
import { LocalRef } from "../ref/local_ref.ts";
import type { ActorRef } from "../ref/ref.ts";

/** A question as far as its asker is concerned. */
export interface PendingAsk {
  readonly target: ActorRef<never>;
  /** False if the actor has said that it does not wait for the reply. */
  awaited: boolean;
  /** The run of a handler that has asked: a later one waits for something else. */
  readonly askedAt: number;
  /** Ends it with an error. */
  refuse(error: AskError): void;
}

/** The questions of one actor that have no reply yet, by the promise of the reply. */
export type PendingAsks = Map<Promise<unknown>, PendingAsk>;

/** Actors that are looked at for one question; a longer circle ends with its timeouts. */
const maxLooked = 1_000;

/** Refuses each question of a suspended actor that closes a circle. */
export function checkCircles(cell: Cell): void {
  for (const question of [...cell.existingParts?.questions?.values() ?? []]) {
    if (!cell.waits) return;
    if (!isAwaited(question, cell)) continue;
    const path = pathBack(cell, question, new Set());
    if (path !== undefined) question.refuse(circle([cell.path, ...path]));
  }
}

/** The actors from the target of a question back to its asker, if there is such a way. */
function pathBack(asker: Cell, { target }: PendingAsk, seen: Set<Cell>): string[] | undefined {
  const cell = target instanceof LocalRef ? target.cell as Cell : undefined;
  if (cell === undefined || seen.has(cell) || seen.size === maxLooked) return undefined;
  if (cell === asker) return [cell.path];
  seen.add(cell);
  if (!cell.waits) return undefined;
  for (const question of cell.existingParts?.questions?.values() ?? []) {
    const rest = isAwaited(question, cell) ? pathBack(asker, question, seen) : undefined;
    if (rest !== undefined) return [cell.path, ...rest];
  }
  return undefined;
}

/** Whether the handler that is suspended may be waiting for the reply. */
function isAwaited({ awaited, askedAt }: PendingAsk, asker: Cell): boolean {
  return awaited && askedAt === asker.step;
}

function circle(path: readonly string[]): AskError {
  return new AskError("askCycle", `actors wait for each other: ${path.join(" asks ")}`, {
    value: path,
    remedy: "give one of the questions to pipeToSelf instead of waiting for its reply",
  });
}
