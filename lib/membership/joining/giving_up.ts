/**
 * When a joining node gives up, so that its start fails at once and not after its timeout: another
 * attempt would fail as well, unless the configuration of one of the ends changes.
 *
 * @module
 */
import { answerLifetime } from "./bootstrap.ts";
import type { JoinFailure, Machine, UnreachableEvent } from "../machine/machine.ts";
import { rules } from "../../runtime/rules.ts";

/** How long other seeds may answer before rejections count as final. */
const giveUpAfter = 1_000;

/** A seed cannot be dialled, or has rejected the connection. */
export function onUnreachable(m: Machine, event: UnreachableEvent): void {
  const { address, reason, isDefinite } = event;
  if (m.phase !== "joining" || !m.seeds.others.includes(address)) return;
  m.joining.unreachable.set(address, { reason, isDefinite });
  // An earlier answer says nothing about a seed that cannot be used now.
  if (isDefinite) m.joining.notReady.delete(address);
}

/**
 * Reports failure once all seeds that answer have rejected this node permanently, or once a
 * connection to none of the seeds can ever be used as things are configured. A seed that is only
 * down may come up, and may then be a better one than those with a wrong certificate.
 */
export function giveUp(m: Machine, now: number): void {
  const { refusedBy, notReady, failed, startedAt } = m.joining;
  if (failed || now - startedAt < giveUpAfter) return;
  for (const { code } of refusedBy.values()) if (code !== "configConflict") return;
  for (const { at } of notReady.values()) if (now - at < giveUpAfter) return;
  if (refusedBy.size > 0) return fail(m, "rejected", refusedBy);
  if (mayStillForm(m, now)) return;
  fail(m, "seedsUnusable", m.joining.unreachable);
}

/** Whether a seed may still answer, or this node bootstrap a cluster without any. */
function mayStillForm({ config, seeds, joining }: Machine, now: number): boolean {
  if (config.allowSelfBootstrap || seeds.others.length === 0) return true;
  // Members may reach this node although it does not reach them.
  if (joining.contacts.size > 0 || now - joining.clusterHeardAt < answerLifetime) return true;
  return rules.onlyUnusableSeedsEndTheJoin &&
    seeds.others.some((seed) => joining.unreachable.get(seed)?.isDefinite !== true);
}

function fail(
  m: Machine,
  cause: JoinFailure,
  reasons: ReadonlyMap<string, { readonly reason: string }>,
): void {
  m.joining.failed = true;
  const reason = Array.from(reasons, ([seed, { reason }]) => `${seed}: ${reason}`).join("; ");
  m.effects.push({ type: "joinFailed", cause, reason });
}
