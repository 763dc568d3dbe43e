/**
 * Finds actors that wait for each other's replies. The edges are pending asks: from an actor whose
 * handler is suspended to the actor that it has asked. An ask that closes a circle would never end.
 *
 * @module
 */
import { AskError } from "../errors.ts";
import type { Asker, PendingAsk } from "../ref/asker.ts";
import { LocalRef } from "../ref/local_ref.ts";

/** Actors that are visited for one ask; a longer circle ends with its timeouts. */
const maxVisited = 1_000;

/** Refuses each ask of a suspended actor that closes a circle. */
export function checkCircles(asker: Asker): void {
  for (const ask of [...asker.pendingAsks?.values() ?? []]) {
    if (!asker.waits) return;
    if (!isAwaited(ask, asker)) continue;
    const path = pathBack(asker, ask, new Set());
    if (path !== undefined) ask.refuse(circle([asker.path, ...path]));
  }
}

/** The actors from the target of an ask back to its asker, if there is such a way. */
function pathBack(asker: Asker, { target }: PendingAsk, seen: Set<Asker>): string[] | undefined {
  const next: Asker | undefined = target instanceof LocalRef ? target : undefined;
  if (next === undefined || seen.has(next) || seen.size === maxVisited) return undefined;
  if (next === asker) return [next.path];
  seen.add(next);
  if (!next.waits) return undefined;
  for (const ask of next.pendingAsks?.values() ?? []) {
    const rest = isAwaited(ask, next) ? pathBack(asker, ask, seen) : undefined;
    if (rest !== undefined) return [next.path, ...rest];
  }
  return undefined;
}

/** Whether the suspended handler may be waiting for the reply. */
function isAwaited({ awaited, askedAt }: PendingAsk, asker: Asker): boolean {
  return awaited && askedAt === asker.step;
}

function circle(path: readonly string[]): AskError {
  return new AskError("askCycle", `actors wait for each other: ${path.join(" asks ")}`, {
    reason: "cycle",
    value: path,
    remedy: "give one of the asks to pipeToSelf instead of waiting for its reply",
  });
}
